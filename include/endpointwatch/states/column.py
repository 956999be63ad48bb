"""Everything that is kept about one column."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from endpointwatch.states.distinct import Distinct
from endpointwatch.states.histogram import LIMIT, Histogram
from endpointwatch.states.kll import Kll, Values
from endpointwatch.states.moments import Moments
from endpointwatch.states.numbers import numbers
from endpointwatch.states.types import BOOLEAN, FRACTIONAL, INTEGRAL, NUMBER, InferredType, TypeCounts


@dataclass(frozen=True, slots=True)
class Column:
    """Presence, types, moments, quantiles, distinct texts and counts of one column's texts; ``a + b`` describes both.

    All parts are kept whatever the column's type: one text in another part of the data can still turn a column of
    numbers into one of strings.

    Attributes:
        rows: Rows seen, missing values included.
        types: Classes of the values that are there.
        moments: Of the finite numbers among them.
        sketch: Quantiles of the same numbers, in the order of the rows.
        distinct: Different texts.
        histogram: Their counts, while there are few.
    """

    rows: int = 0
    types: TypeCounts = field(default_factory=TypeCounts)
    moments: Moments = field(default_factory=Moments)
    sketch: Kll = field(default_factory=Kll)
    distinct: Distinct = field(default_factory=Distinct)
    histogram: Histogram = field(default_factory=Histogram)

    @property
    def present(self) -> int:
        return self.types.present

    @property
    def missing(self) -> int:
        return self.rows - self.present

    @property
    def completeness(self) -> float:
        """Share of rows with a value; 1.0 when there are no rows, since then nothing is missing."""
        return self.present / self.rows if self.rows else 1.0

    @property
    def inferred_type(self) -> InferredType:
        return self.types.inferred

    def __add__(self, other: Column) -> Column:
        return Column(
            self.rows + other.rows,
            self.types + other.types,
            self.moments + other.moments,
            self.sketch + other.sketch,
            self.distinct + other.distinct,
            self.histogram + other.histogram,
        )

    def extend(self, texts: pl.Series) -> Column:
        """This column after more rows, in their order; only the sketch's details depend on that order.

        Args:
            texts: Raw texts as they stand in the payload, null where there is no value; dtype String, shape ``(n,)``.
        """
        column, values = surveyed(texts)
        return self.after(column, self.sketch.extend(values))

    def after(self, column: Column, sketch: Kll) -> Column:
        """This column after the rows of ``column``, whose own sketch is not looked at, with ``sketch``."""
        return Column(
            self.rows + column.rows,
            self.types + column.types,
            self.moments + column.moments,
            sketch,
            self.distinct + column.distinct,
            self.histogram + column.histogram,
        )


def surveyed(texts: pl.Series) -> tuple[Column, Values]:
    """The column of these ``texts`` but for its sketch, and the numbers that are to go into that, in order."""
    present = (texts.drop_nulls() if texts.null_count() else texts).rechunk()
    if present.is_empty():
        return Column(rows=texts.len()), np.empty(0)
    raw = present.to_arrow(compat_level=pl.CompatLevel.oldest())
    read = numbers(present, raw)
    if read is None:
        return _with_patterns(texts.len(), present)
    counted = _counted(present)
    unique = raw if counted is None else counted.to_series(0).to_arrow(compat_level=pl.CompatLevel.oldest())
    return Column(
        rows=texts.len(),
        types=TypeCounts(read.integral, read.fractional),
        moments=Moments.of(read.values),
        distinct=Distinct.of(unique),
        histogram=_histogram(counted),
    ), read.values


def _counted(present: pl.Series) -> pl.DataFrame | None:
    """The different texts and how often each occurs; None where they are known to be too many to be kept."""
    if present.head(2 * LIMIT).n_unique() > LIMIT:
        return None
    return present.value_counts(name="rows")


def _with_patterns(rows: int, present: pl.Series) -> tuple[Column, Values]:
    # In no order at all: whatever is made of them below does not depend on one.
    counted = present.rename("text").value_counts(name="rows")
    unique = counted.to_series(0)
    times = counted.get_column("rows").to_numpy().astype(np.int64)
    integral = unique.str.contains(INTEGRAL).to_numpy()
    # Most columns are of one class throughout: the next pattern is tried only where the ones before left something.
    none = np.zeros(unique.len(), np.bool_)
    fractional = none if integral.all() else unique.str.contains(FRACTIONAL).to_numpy()
    number = integral | fractional
    boolean = none if number.all() else unique.str.contains(BOOLEAN).to_numpy()
    values = _numbers(present, unique, number)
    return Column(
        rows=rows,
        types=TypeCounts(
            int(times[integral].sum()),
            int(times[fractional].sum()),
            int(times[boolean].sum()),
            int(times[~(number | boolean)].sum()),
        ),
        moments=Moments.of(values),
        distinct=Distinct.of(unique.to_arrow(compat_level=pl.CompatLevel.oldest())),
        histogram=_histogram(counted),
    ), values


def _histogram(counted: pl.DataFrame | None) -> Histogram:
    if counted is None or counted.height > LIMIT:
        return Histogram(None)
    return Histogram.of(counted.to_series(0).to_list(), counted.to_series(1).to_list())


def _numbers(texts: pl.Series, unique: pl.Series, number: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Values:
    """The finite numbers among ``texts``, in their order."""
    if not number.any():
        return np.empty(0)
    if not number.all() or unique.str.contains(" ", literal=True).any():
        # Polars reads more texts as numbers than count as such (".5", "inf"), and fewer ("- 5").
        texts = texts.filter(texts.str.contains(NUMBER)).str.replace(" ", "", literal=True)
    values: Values = texts.cast(pl.Float64, strict=False).drop_nulls().to_numpy()
    finite: Values = values[np.isfinite(values)]
    return finite
