"""The state of a window's labelled answers out of the merge itself, where its records would say nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from endpointwatch.capture.encodings import CSV
from endpointwatch.capture.marks import OWN_TRAFFIC
from endpointwatch.capture.regular import columns_of
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import CapturedRows
from endpointwatch.jobs.predictions import collected, texts_of, total
from endpointwatch.monitors.performance import State
from endpointwatch.monitors.predictions import Reader

_PLAIN = (
    pl.col("answer").str.contains(r"^[^\r\n]+$")
    & (pl.col("encoding") == CSV)
    & ~pl.col("id").str.starts_with(OWN_TRAFFIC)
)
_LINE = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line")
_UNSAID = dict.fromkeys(("time", "event_id", "inference_id"), pl.lit(None, pl.String))


@dataclass(slots=True)
class Answered:
    """Watches a merge (see :class:`endpointwatch.merge.parts.Watch`). Only of classifiers, whose states add up exactly.

    Answers that are plain CSV with plain labels are read as they would be out of the merged records. When anything is
    not plain, or is to be set aside (with file and line), the merged records have to be read.

    Attributes:
        reader: How texts are read.
    """

    reader: Reader
    _states: list[State] = field(default_factory=list)
    _rows: int = 0
    _plain: bool = True

    def see(self, answers: pl.DataFrame) -> tuple[State | None, int] | None:
        """The state of a part of the merged records, and its rows; None where they have to be read."""
        if answers.is_empty():
            return None, 0
        plain = answers.select(_PLAIN.fill_null(value=False).all()).item()
        columns = columns_of(answers["answer"]) if plain else None
        if columns is None:
            return None
        records = answers.select(_LINE, truth_data="data", **_UNSAID)
        tally = Tally()
        part = CapturedRows.regular("", records, {"output": columns})
        texts = texts_of(part, tally, self.reader.settings, labelled=True)
        state = collected(iter([texts]), self.reader, tally)
        return None if tally.kinds else (state, tally.analysed)

    def keep(self, seen: tuple[State | None, int] | None) -> None:
        """Take what was seen of the next part."""
        if seen is None:
            self._plain = False
            return
        state, rows = seen
        self._states += [state] if state is not None else []
        self._rows += rows

    def state(self, tally: Tally) -> State | None:
        """The state of all merged records, which ``tally`` counts; None where they have to be read."""
        if not self._plain or not self._states:
            return None
        tally.analysed += self._rows
        return total(self._states)
