"""How a window's captures and labels are merged: on this machine, or as the process's entry point has decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from endpointwatch.jobs.cores import cores
from endpointwatch.jobs.spread import Crew
from endpointwatch.merge.counts import Merged
from endpointwatch.merge.merge import PART_BYTES, merge
from endpointwatch.merge.parts import Watch
from endpointwatch.merge.sources import Sources

#: Starting a helper costs about half a second of a core, in which this process merges some half of a piece itself.
WORTH_A_HELPER = 2
#: Each process takes some 300 MB, and what they merged is put together by one: more would gain little.
MOST_HELPERS = 3


class Merging(Protocol):
    """From captures and labels to merged records below ``output``, and their counts; the same bytes by every way.

    Not every way shows the records to ``watch``.
    """

    def __call__(self, sources: Sources, output: Path, *, scratch: Path | None, watch: Watch | None) -> Merged: ...


def here(
    sources: Sources, output: Path, *, scratch: Path | None, keep_folders: bool = False, watch: Watch | None = None
) -> Merged:
    """By all cores of this machine where it is worth it; the bytes do not depend on how many there are."""
    helpers = min(cores() - 1, MOST_HELPERS, sources.parts(PART_BYTES) // WORTH_A_HELPER)
    with Crew(helpers, given=2) as crew:
        return merge(sources, output, scratch=scratch, keep_folders=keep_folders, each=crew.each, watch=watch)


_way: ContextVar[Merging] = ContextVar("merging", default=here)


def merged(sources: Sources, output: Path, *, scratch: Path | None = None, watch: Watch | None = None) -> Merged:
    """Merge by whichever way is in force; the default is :func:`here`."""
    return _way.get()(sources, output, scratch=scratch, watch=watch)


@contextmanager
def merging_by(way: Merging) -> Iterator[None]:
    """Merge by ``way`` inside the block."""
    before = _way.set(way)
    try:
        yield
    finally:
        _way.reset(before)
