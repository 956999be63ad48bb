"""How a window's captured rows become one state: in this process, or as the process's entry point has decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Protocol

from endpointwatch.capture.files import SUFFIXES, files, text_bytes
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.jobs.collect import collect, settled
from endpointwatch.jobs.cores import cores
from endpointwatch.jobs.memory import keep_freed_memory
from endpointwatch.jobs.parts import cut, together
from endpointwatch.jobs.rows import captured
from endpointwatch.jobs.spread import spread
from endpointwatch.jobs.surveys import followed, survey
from endpointwatch.monitors import data_quality
from endpointwatch.states import Table

#: So much is surveyed at once: enough that the calls cost little, and few enough that memory stays small.
PART_BYTES = 24 * 1024 * 1024
LARGE = 64 * 1024 * 1024
#: Starting a helper costs about half a second of a core, in which this process reads some such parts itself.
WORTH_A_HELPER = 3
#: Each process takes some 200 MB, and putting the sketches together is one's work alone: more would gain little.
MOST_HELPERS = 3


class Gather(Protocol):
    """From the folder of the captures to the state of the usual rows; ``tally`` gets all rows that were read."""

    def __call__(self, folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table: ...


def here(folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table:
    """By all cores of this machine where the window is worth it; the state does not depend on how many there are.

    A file that is large by itself is read in pieces, one after the other, so that memory does not grow with it.
    """
    found = files(folder, SUFFIXES)
    if any(text_bytes(path) > LARGE for path in found) or folder.is_file():
        return collect(
            captured(folder, tally, reading), tally, data_quality.compute, names=names, strict=reading.strict
        )
    sets = cut(folder, PART_BYTES)
    keep_freed_memory()
    helpers = min(cores() - 1, MOST_HELPERS, len(sets) // WORTH_A_HELPER)
    surveyed = spread(partial(survey, folder, reading), sets, helpers)
    return settled(*together(surveyed, tally, followed), tally, names, strict=reading.strict)


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
