"""How a window's captures and labels are merged: in this process, or as the process's entry point has decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from endpointwatch.merge.counts import Merged
from endpointwatch.merge.merge import Sources, merge


class Merging(Protocol):
    """From captures and labels to merged records below ``output``, and their counts; the same bytes by every way."""

    def __call__(self, sources: Sources, output: Path, *, scratch: Path | None) -> Merged: ...


_way: ContextVar[Merging] = ContextVar("merging", default=merge)


def merged(sources: Sources, output: Path, *, scratch: Path | None = None) -> Merged:
    """Merge by whichever way is in force; the default is :func:`endpointwatch.merge.merge.merge`."""
    return _way.get()(sources, output, scratch=scratch)


@contextmanager
def merging_by(way: Merging) -> Iterator[None]:
    """Merge by ``way`` inside the block."""
    before = _way.set(way)
    try:
        yield
    finally:
        _way.reset(before)
