"""How a window's people were labelled and answered, counted by sensitive column: the state of the bias monitor.

It adds up but for the flip test, which is no sum: it is kept for the rows it was computed on and lost when two states
are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from endpointwatch.states import arrow_file

#: One row a combination that occurs. ``value`` of the facet (null: missing), ``group`` (null: in none), label and
#: prediction (true: positive, null: unknown).
SCHEMA: dict[str, type[pl.DataType]] = {
    "facet": pl.String,
    "value": pl.String,
    "group": pl.String,
    "label": pl.Boolean,
    "predicted": pl.Boolean,
    "count": pl.Int64,
}
KEYS = ("facet", "value", "group", "label", "predicted")
OUTCOMES_FILE = "state.arrow"
OUTCOMES_VERSION = "outcomes-1"


@dataclass(frozen=True, slots=True)
class Span:
    """Least and largest number of a column, and whether it holds whole numbers only."""

    low: float
    high: float
    whole: bool

    def __add__(self, other: Span) -> Span:
        return Span(min(self.low, other.low), max(self.high, other.high), self.whole and other.whole)


@dataclass(frozen=True)
class Outcomes:
    """Counts by facet value, group, label and prediction; ``a + b`` describes both sets of rows.

    Attributes:
        frame: With the columns of :data:`SCHEMA`, in the order of its keys.
        rows: Rows counted.
        spans: Of the numeric columns that are cut at a threshold.
        flips: The flip test by facet and value: a number, or the text why there is none; empty after an addition.
    """

    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    rows: int = 0
    spans: Mapping[str, Span] = field(default_factory=dict)
    flips: Mapping[tuple[str, str], float | str] = field(default_factory=dict)

    @classmethod
    def counted(cls, frame: pl.DataFrame, rows: int, spans: Mapping[str, Span]) -> Outcomes:
        """The state of counted rows; equal combinations are added up."""
        summed = frame.group_by(KEYS).agg(pl.col("count").sum()).select(*SCHEMA).sort(KEYS, nulls_last=True)
        return cls(summed.cast(SCHEMA), rows, spans)  # type: ignore[arg-type]

    def __add__(self, other: Outcomes) -> Outcomes:
        if not self.rows or not other.rows:
            return self if self.rows else other
        spans = {name: self.spans[name] + other.spans[name] for name in self.spans.keys() & other.spans.keys()}
        spans = {**self.spans, **other.spans, **spans}
        return Outcomes.counted(pl.concat([self.frame, other.frame]), self.rows + other.rows, spans)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Outcomes):
            return NotImplemented
        mine, theirs = (self.rows, self.spans, self.flips), (other.rows, other.spans, other.flips)
        return mine == theirs and self.frame.equals(other.frame)

    __hash__ = None  # type: ignore[assignment]


def write(state: Outcomes, path: Path) -> None:
    """Write ``state`` to ``path`` as Arrow IPC; the same state gives the same bytes."""
    about = {
        "rows": state.rows,
        "spans": {name: [span.low, span.high, span.whole] for name, span in sorted(state.spans.items())},
        "flips": [[*key, value] for key, value in sorted(state.flips.items())],
    }
    arrow_file.write(
        state.frame.to_arrow(compat_level=pl.CompatLevel.oldest()), path, version=OUTCOMES_VERSION, about=about
    )


def read(path: Path) -> Outcomes:
    """The state kept in ``path``.

    Raises:
        ValueError: The file is no such state, or one of a version this package does not read.
    """
    table, about = arrow_file.read(path, version=OUTCOMES_VERSION)
    return Outcomes(
        pl.DataFrame(pl.from_arrow(table)).cast(SCHEMA),  # type: ignore[arg-type]
        about["rows"],
        {name: Span(*span) for name, span in about["spans"].items()},
        {(facet, value): flip for facet, value, flip in about["flips"]},
    )
