"""Labels and predictions, from texts to what model quality is computed on; what is neither is told apart."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from endpointwatch.config.model_quality import BINARY, REGRESSION, ModelQuality
from endpointwatch.monitors.performance import binary_classes, positive_of

#: Whole numbers up to here are written without a point, so that ``1.0`` and ``1`` are one class.
_WHOLE = 2.0**53
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Predictions:
    """Rows that can be judged, and those that cannot.

    Attributes:
        rows: What was handed in, and in place of the texts ``actual`` and ``predicted`` (numbers or classes), ``score``
            (of binary classifiers, 0 to 1, null without one) and ``probabilities`` (of other classifiers, a list by
            class, null without them).
        faults: The other rows, with ``kind`` and ``reason``.
    """

    rows: pl.DataFrame
    faults: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Reader:
    """How texts are read.

    Attributes:
        settings: The monitor's.
        classes: Those that the baseline knows; () where there is none, or it does not say.
        labelled: Whether rows have labels. Without, ``actual`` is not looked at.
    """

    settings: ModelQuality
    classes: tuple[str, ...] = ()
    labelled: bool = True

    @property
    def known(self) -> tuple[str, ...]:
        """The classes there are, as far as anyone has said."""
        settings = self.settings
        own = binary_classes(settings) if settings.problem_type == BINARY else settings.classes
        return settings.classes or self.classes or own

    def read(self, texts: pl.DataFrame) -> Predictions:
        """The rows that can be judged.

        Args:
            texts: ``actual`` and ``predicted`` (texts, null where there is none) and ``probabilities`` (a list of
                texts, of binary classifiers with one item, empty without any); further columns are handed on.
        """
        if self.settings.problem_type == REGRESSION:
            frame, doubts = self._numbers(texts), self._number_doubts()
        else:
            frame, doubts = self._classes(texts), self._class_doubts()
        bad = frame.select(pl.any_horizontal([doubt.wrong.fill_null(value=False) for doubt in doubts])).to_series()
        if not bad.any():
            return Predictions(frame.drop(_GIVEN), frame.clear().with_columns(kind=_TEXT, reason=_TEXT))
        # Reasons are texts of each row's own, so they are made for the rows that need one only.
        faulty = frame.filter(bad).with_columns(fault=pl.coalesce([doubt.fault() for doubt in doubts])).unnest("fault")
        return Predictions(frame.filter(~bad).drop(_GIVEN), faulty)

    def _numbers(self, texts: pl.DataFrame) -> pl.DataFrame:
        return _with_given(texts).with_columns(
            actual=_number(pl.col("actual")),
            predicted=_number(pl.col("predicted")),
            score=pl.lit(None, pl.Float64),
            probabilities=pl.lit(None, pl.List(pl.Float64)),
        )

    def _number_doubts(self) -> list[_Doubt]:
        return [*([_not_finite("actual", "label")] if self.labelled else []), _not_finite("predicted", "prediction")]

    def _classes(self, texts: pl.DataFrame) -> pl.DataFrame:
        binary = self.settings.problem_type == BINARY
        words = binary and self.known == ("0", "1")
        frame = _with_given(texts).with_columns(
            _spelled(texts.get_column("actual"), words=words),
            _spelled(texts.get_column("predicted"), words=words),
            probabilities=pl.col("probabilities").list.eval(_number(pl.element())),
        )
        first = pl.col("probabilities").list.get(0, null_on_oob=True) if binary else pl.lit(None)
        frame = frame.with_columns(score=first.cast(pl.Float64))
        if self.settings.inference_attribute is None:
            frame = frame.with_columns(predicted=self._from_probabilities())
        return frame

    def _class_doubts(self) -> list[_Doubt]:
        doubts = []
        if self.labelled:
            missing = _Doubt("label", pl.col("actual").is_null(), pl.lit("the label is missing"))
            doubts += [missing, *self._unknown("actual", "label")]
        doubts += self._probability_doubts()
        if self.settings.inference_attribute is not None:
            text = pl.lit("the prediction is missing from the model's output")
            missing = _Doubt("prediction", pl.col("predicted").is_null(), text)
            doubts += [missing, *self._unknown("predicted", "prediction")]
        return doubts or [_Doubt("row", pl.lit(value=False), _TEXT)]

    def _from_probabilities(self) -> pl.Expr:
        if self.settings.problem_type == BINARY:
            positive = positive_of(self.settings)
            negative = next((name for name in self.known if name != positive), None)
            above = pl.col("score") > self.settings.probability_threshold_attribute
            return pl.when(above).then(pl.lit(positive)).otherwise(pl.lit(negative))
        names = pl.Series(list(self.settings.classes), dtype=pl.String)
        return pl.lit(names.implode(), pl.List(pl.String)).list.get(pl.col("probabilities").list.arg_max())

    def _unknown(self, column: str, thing: str) -> list[_Doubt]:
        if not self.known:
            return []
        source = "classes" if self.settings.classes else "baseline" if self.classes else "problem type"
        shown = ", ".join(self.known[:_SHOWN]) + (", …" if len(self.known) > _SHOWN else "")
        reason = pl.format(
            "the " + thing + " is {}, a class that the " + source + " does not know; known: " + shown,
            pl.col(f"{column}_text").str.slice(0, 60),
        )
        return [_Doubt("class", ~pl.col(column).is_in(list(self.known)), reason)]

    def _probability_doubts(self) -> list[_Doubt]:
        if not self.settings.has_probabilities:
            return []
        numbers, given = pl.col("probabilities"), pl.col("probabilities_text")
        shown = given.list.eval(pl.element().fill_null("nothing")).list.join(", ").str.slice(0, 60)
        size = max(1, len(self.settings.probability_attributes))
        short = numbers.is_null() | (numbers.list.len() != size)
        wrong = _no_share(pl.col("score")) if self.settings.problem_type == BINARY else _any_no_share(numbers)
        return [
            _Doubt(
                "probability",
                short,
                pl.format("{} of " + str(size) + " probabilities are there", numbers.list.len().fill_null(0)),
            ),
            _Doubt("probability", wrong, pl.format("the probability is {}, not a number from 0 to 1", shown)),
        ]


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Why a row cannot be judged: where ``wrong`` is true, with a ``reason`` for each such row."""

    kind: str
    wrong: pl.Expr
    reason: pl.Expr

    def fault(self) -> pl.Expr:
        return pl.when(self.wrong).then(pl.struct(pl.lit(self.kind).alias("kind"), self.reason.alias("reason")))


_GIVEN = ("actual_text", "predicted_text", "probabilities_text")
_TEXT = pl.lit(None, pl.String)


def _with_given(texts: pl.DataFrame) -> pl.DataFrame:
    """The rows with their texts a second time, to be named in reasons."""
    return texts.with_columns(pl.col("actual", "predicted", "probabilities").name.suffix("_text"))


def _no_share(number: pl.Expr) -> pl.Expr:
    return number.is_null() | number.is_nan() | (number < 0) | (number > 1)


def _any_no_share(numbers: pl.Expr) -> pl.Expr:
    return numbers.list.eval(_no_share(pl.element())).list.any()


def _number(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().cast(pl.Float64, strict=False)


def _not_finite(column: str, thing: str) -> _Doubt:
    given = pl.col(f"{column}_text")
    reason = (
        pl.when(given.is_null() | (given == ""))
        .then(pl.lit(f"the {thing} is missing"))
        .otherwise(pl.format("the " + thing + " is {}, not a finite number", given.str.slice(0, 60)))
    )
    return _Doubt(thing, ~pl.col(column).is_finite().fill_null(value=False), reason)


def _spelled(texts: pl.Series, *, words: bool) -> pl.Series:
    """The class of each text. Classes repeat, so each different text is looked at once."""
    different = texts.unique()
    classes = pl.select(_class(pl.lit(different), words=words)).to_series()
    return texts.replace_strict(different, classes, return_dtype=pl.String)


def _class(text: pl.Expr, *, words: bool) -> pl.Expr:
    """A class's one spelling: ``1`` for ``1.0``; with ``words`` also for ``true``."""
    bare = text.str.strip_chars()
    number = bare.cast(pl.Float64, strict=False)
    whole = (number == number.floor()) & (number.abs() < _WHOLE)
    name = pl.when(whole).then(number.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(bare)
    if words:
        lower = name.str.to_lowercase()
        name = pl.when(lower == "true").then(pl.lit("1")).when(lower == "false").then(pl.lit("0")).otherwise(name)
    return pl.when(bare != "").then(name)
