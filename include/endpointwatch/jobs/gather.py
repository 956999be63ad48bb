"""How a window's captured rows become one state: in this process, or as the process's entry point has decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.jobs.collect import collect
from endpointwatch.jobs.rows import captured
from endpointwatch.monitors import data_quality
from endpointwatch.states import Table


class Gather(Protocol):
    """From the folder of the captures to the state of the usual rows; ``tally`` gets all rows that were read."""

    def __call__(self, folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table: ...


def here(folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table:
    """File after file in this process, as :func:`endpointwatch.jobs.collect.collect` says."""
    return collect(captured(folder, tally, reading), tally, data_quality.compute, names=names)


_way: ContextVar[Gather] = ContextVar("gather", default=here)


def gathered(folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table:
    """The state of the window's rows, by whichever way is in force; the default is :func:`here`."""
    return _way.get()(folder, tally, reading, names=names)


@contextmanager
def gathering_by(way: Gather) -> Iterator[None]:
    """Gather by ``way`` inside the block. Where a job runs is nothing that the steps of the job should know."""
    before = _way.set(way)
    try:
        yield
    finally:
        _way.reset(before)
