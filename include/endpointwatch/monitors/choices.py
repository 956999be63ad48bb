"""Which values of a column are meant: the group's in a facet, the good ones in a label or an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from endpointwatch.states.outcomes import Span

Value = int | float | str
ABOVE, BELOW = "above", "below"
#: From this share of different values on, a column of whole numbers is continuous for Clarify.
UNIQUENESS = 0.05
_TWO = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """Some values of a column, or the numbers above a threshold; neither: each value in turn (facets only)."""

    column: str
    values: tuple[Value, ...] = ()
    threshold: float | None = None

    @property
    def text(self) -> str:
        """As the configuration has it, and as violations name it."""
        return ",".join(map(str, self.values)) if self.threshold is None else number(self.threshold)

    def printed(self, span: Span | None) -> str:
        """As ``analysis.json`` has it: the values, or the interval from the threshold to the data's largest number."""
        if self.threshold is None or span is None or span.low > span.high:
            return self.text
        whole = span.whole and float(self.threshold).is_integer() and not isinstance(self.threshold, float)
        low, high = sorted((self.threshold, span.high))
        return f"({int(low)}, {int(high)}]" if whole else f"({float(low)}, {float(high)}]"


def number(value: float) -> str:
    """A number without a needless point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def canonical(value: object) -> str:
    """One text for every way of writing a value: ``0``, ``0.0`` and ``"0"`` are the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip()
    try:
        told = float(text)
    except ValueError:
        return text.lower() if text in ("True", "False", "TRUE", "FALSE") else text
    return number(told) if math.isfinite(told) else text


def texts(column: pl.Series) -> pl.Series:
    """The column's values in their canonical text; null where there is none. Each different value is read once."""
    different = column.unique().drop_nulls()
    mapping = {value: canonical(value) for value in different.to_list()}
    blank = [value for value, text in mapping.items() if text in ("", "nan")]
    told = {value: None if value in blank else text for value, text in mapping.items()}
    if column.dtype == pl.String and all(value == text for value, text in told.items()):
        return column
    return column.replace_strict(list(told), list(told.values()), default=None, return_dtype=pl.String)


def numbers(column: pl.Series) -> pl.Series:
    """The column as numbers; null where a value is none."""
    return column.cast(pl.Float64, strict=False).fill_nan(None)


def keys(column: pl.Series, choice: Choice) -> pl.Series:
    """What each row is counted under: its value, or the side of the threshold it lies on; null: missing."""
    if choice.threshold is None:
        return texts(column)
    above = numbers(column) > choice.threshold
    return pl.select(pl.when(above).then(pl.lit(ABOVE)).when(~above).then(pl.lit(BELOW))).to_series()


def chosen(column: pl.Series, choice: Choice) -> pl.Series:
    """Whether each row's value is one that is meant; null: missing."""
    if choice.threshold is not None:
        return numbers(column) > choice.threshold
    wanted = {canonical(value) for value in choice.values}
    different = column.unique().drop_nulls().to_list()
    told = {value: None if canonical(value) in ("", "nan") else canonical(value) in wanted for value in different}
    return column.replace_strict(list(told), list(told.values()), default=None, return_dtype=pl.Boolean)


def span(column: pl.Series) -> Span:
    """The column's range as numbers, from infinity to minus infinity when it holds none."""
    found = numbers(column)
    if found.null_count() == len(found):
        return Span(math.inf, -math.inf, whole=not len(found))
    # pandas, and so Clarify, keeps whole numbers with gaps as fractions.
    whole = column.dtype.is_integer() or column.cast(pl.Int64, strict=False).null_count() == found.null_count()
    low, high = found.min(), found.max()
    return Span(float(low), float(high), whole and not found.null_count())  # type: ignore[arg-type]


def choose(column: pl.Series, values: Sequence[Value], *, strict: bool = False) -> Choice:
    """What ``value_or_threshold`` means for a column: Clarify's rule, by which one number may be either.

    Args:
        column: All its values: numbers, booleans or texts.
        values: The configuration's; empty for a facet whose every value is looked at.
        strict: Clarify's rule to the letter. Otherwise a column of at most two different values is never cut at a
            threshold: in less than 40 rows, or when one value is missing, Clarify takes 0 and 1 for measurements.

    Raises:
        ValueError: The column is continuous and there is no threshold, or one that is no number.
    """
    name = column.name
    if len(values) > 1 or not continuous(column, strict=strict):
        return Choice(name, tuple(values))
    if not values:
        raise ValueError("Threshold values must be provided for continuous features")
    try:
        limit = values[0] if isinstance(values[0], (int, float)) else float(values[0])
    except ValueError as error:
        raise ValueError("Facet/label value provided must be a single numeric threshold for continuous data") from error
    return Choice(name, threshold=limit)


def choose_outcomes(
    label: pl.Series, answers: pl.Series, values: Sequence[Value], *, strict: bool = False
) -> tuple[Choice, Choice]:
    """The good values of a label and of a model's answers that are labels themselves.

    Raises:
        ValueError: As :func:`choose`; and with ``strict`` when one is continuous and the other is not. Otherwise the
            answers are read as the label is.
    """
    good, own = choose(label, values, strict=strict), choose(answers, values, strict=strict)
    if strict and (good.threshold is None) != (own.threshold is None):
        raise ValueError("Predicted Label Column series datatype is not the same as Label Column series")
    return good, Choice(answers.name, good.values, good.threshold)


def continuous(column: pl.Series, *, strict: bool = False) -> bool:
    """Whether a column holds measurements rather than categories (smclarify 0.5, ``common.series_datatype``)."""
    present = column.drop_nulls()
    different = present.n_unique()
    if column.dtype == pl.Boolean or not len(present) or (not strict and different <= _TWO):
        return False
    many = different / len(present) >= UNIQUENESS
    if column.dtype.is_float() or (column.dtype.is_integer() and column.null_count()):
        return True
    if column.dtype.is_integer():
        return many
    whole = column.dtype == pl.String and column.cast(pl.Int64, strict=False).null_count() == 0
    return whole and many
