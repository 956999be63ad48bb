"""The parts of a window as this machine's processes read them: all but the sketches, which need the rows' order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.jobs.collect import accumulated
from endpointwatch.jobs.parts import Kind, Names, Part, every
from endpointwatch.jobs.rows import captured
from endpointwatch.states import Survey, Table


@dataclass(frozen=True, slots=True)
class Surveys:
    """Of rows that follow each other."""

    surveys: tuple[Survey, ...] = ()

    def widened(self, names: Names) -> Surveys:  # noqa: ARG002 (each keeps the columns it has: they follow one by one)
        return self


def survey(folder: Path, reading: Reading, names: Names) -> Part[Surveys]:
    """The rows of some files of a window.

    Args:
        folder: The window's.
        reading: How records become rows.
        names: The files, relative to the folder.

    Raises:
        CaptureError: A file cannot be read.
    """
    tally = Tally()
    widths, named = accumulated(captured(folder, tally, reading, names), tally, _compute)
    kinds: list[tuple[int | None, Any]] = [*widths.items(), (None, named)]
    return Part(tally, {width: Kind(kind.state, kind.rows, kind.first) for width, kind in kinds})


def followed(state: Table, surveys: Surveys) -> Table:
    """The state after the rows of the surveys."""
    for one in surveys.surveys:
        names = every(state.names, one.names)
        state = (state.widened(names) if state.names else state).after(one.widened(names))
    return state


def _compute(rows: pa.RecordBatch, before: Surveys | None) -> Surveys:
    return Surveys((*(before.surveys if before else ()), Survey.of(rows)))
