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
        frame = self._numbers(texts) if self.settings.problem_type == REGRESSION else self._classes(texts)
        bad = pl.col("fault").is_not_null()
        good = frame.filter(~bad).drop("fault", "actual_text", "predicted_text")
        return Predictions(good, frame.filter(bad).unnest("fault"))

    def _numbers(self, texts: pl.DataFrame) -> pl.DataFrame:
        kept = texts.with_columns(actual_text=pl.col("actual"), predicted_text=pl.col("predicted"))
        frame = kept.with_columns(
            actual=_number(pl.col("actual")),
            predicted=_number(pl.col("predicted")),
            score=pl.lit(None, pl.Float64),
            probabilities=pl.lit(None, pl.List(pl.Float64)),
        )
        faults = [_not_finite("predicted", "prediction")]
        if self.labelled:
            faults.insert(0, _not_finite("actual", "label"))
        return frame.with_columns(fault=pl.coalesce(faults))

    def _classes(self, texts: pl.DataFrame) -> pl.DataFrame:
        binary = self.settings.problem_type == BINARY
        words = binary and self.known == ("0", "1")
        told = self.settings.inference_attribute is not None
        frame = texts.with_columns(
            actual_text=pl.col("actual"),
            predicted_text=pl.col("predicted"),
            actual=_class(pl.col("actual"), words=words),
            predicted=_class(pl.col("predicted"), words=words),
            probabilities=pl.col("probabilities").list.eval(_number(pl.element())),
        )
        frame = frame.with_columns(score=pl.col("probabilities").list.get(0, null_on_oob=True) if binary else None)
        frame = frame.with_columns(score=pl.col("score").cast(pl.Float64))
        if not told:
            frame = frame.with_columns(predicted=self._from_probabilities())
        faults = self._label_faults() if self.labelled else []
        faults += self._probability_faults(texts)
        faults += self._prediction_faults() if told else []
        return frame.with_columns(fault=pl.coalesce([*faults, pl.lit(None, _FAULT)]))

    def _from_probabilities(self) -> pl.Expr:
        if self.settings.problem_type == BINARY:
            positive = positive_of(self.settings)
            negative = next((name for name in self.known if name != positive), None)
            above = pl.col("score") > self.settings.probability_threshold_attribute
            return pl.when(above).then(pl.lit(positive)).otherwise(pl.lit(negative))
        names = pl.Series(list(self.settings.classes), dtype=pl.String)
        return pl.lit(names.implode(), pl.List(pl.String)).list.get(pl.col("probabilities").list.arg_max())

    def _label_faults(self) -> list[pl.Expr]:
        given = pl.col("actual_text")
        faults = [pl.when(pl.col("actual").is_null()).then(_fault("label", pl.lit("the label is missing")))]
        return faults + self._unknown("actual", given, "label")

    def _prediction_faults(self) -> list[pl.Expr]:
        given = pl.col("predicted_text")
        missing = _fault("prediction", pl.lit("the prediction is missing from the model's output"))
        return [pl.when(pl.col("predicted").is_null()).then(missing), *self._unknown("predicted", given, "prediction")]

    def _unknown(self, column: str, given: pl.Expr, thing: str) -> list[pl.Expr]:
        if not self.known:
            return []
        source = "classes" if self.settings.classes else "baseline" if self.classes else "problem type"
        shown = ", ".join(self.known[:_SHOWN]) + (", …" if len(self.known) > _SHOWN else "")
        reason = pl.format(
            "the " + thing + " is {}, a class that the " + source + " does not know; known: " + shown,
            given.str.slice(0, 60),
        )
        return [pl.when(~pl.col(column).is_in(list(self.known))).then(_fault("class", reason))]

    def _probability_faults(self, texts: pl.DataFrame) -> list[pl.Expr]:
        if not self.settings.has_probabilities:
            return []
        numbers, given = pl.col("probabilities"), texts.get_column("probabilities")
        shown = pl.lit(given.list.eval(pl.element().fill_null("nothing")).list.join(", "), pl.String).str.slice(0, 60)
        wrong = numbers.list.eval(
            pl.element().is_null() | pl.element().is_nan() | (pl.element() < 0) | (pl.element() > 1)
        ).list.any()
        reason = pl.format("the probability is {}, not a number from 0 to 1", shown)
        size = max(1, len(self.settings.probability_attributes))
        short = pl.format("{} of " + str(size) + " probabilities are there", numbers.list.len().fill_null(0))
        return [
            pl.when(numbers.is_null() | (numbers.list.len() != size)).then(_fault("probability", short)),
            pl.when(wrong).then(_fault("probability", reason)),
        ]


_FAULT = pl.Struct({"kind": pl.String, "reason": pl.String})


def _fault(kind: str, reason: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(kind).alias("kind"), reason.alias("reason"))


def _number(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().cast(pl.Float64, strict=False)


def _not_finite(column: str, thing: str) -> pl.Expr:
    given = pl.col(f"{column}_text")
    reason = (
        pl.when(given.is_null() | (given == ""))
        .then(pl.lit(f"the {thing} is missing"))
        .otherwise(pl.format("the " + thing + " is {}, not a finite number", given.str.slice(0, 60)))
    )
    return pl.when(~pl.col(column).is_finite().fill_null(value=False)).then(_fault(thing, reason))


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
