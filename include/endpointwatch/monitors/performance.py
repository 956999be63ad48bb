"""A model's performance on labelled rows: every metric of Model Monitor, and ``statistics.json`` in its schema.

Metrics: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.config.model_quality import BINARY, MULTICLASS, ModelQuality, ProblemType
from endpointwatch.errors import CaptureError
from endpointwatch.metrics import classification, draws, regression
from endpointwatch.metrics.ranking import Curves
from endpointwatch.states.confusion import Confusion
from endpointwatch.states.residuals import Residuals

State = Confusion | Residuals
Counts = NDArray[np.int64]
Scores = Mapping[str, float | None]
FAMILY: dict[ProblemType, str] = {
    "Regression": "regression",
    "BinaryClassification": "binary_classification",
    "MulticlassClassification": "multiclass_classification",
}
#: A confusion matrix has as many rows, and as many columns, as there are classes.
MAX_CLASSES = 1000
_F = tuple(name for name, _ in classification.BETAS)
_RATES = ("recall", "precision", "accuracy")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number: its value (None where it cannot be computed) and, from 200 rows on, its standard deviation."""

    value: float | None
    standard_deviation: float | None

    def document(self) -> dict[str, Any]:
        # Below 200 rows AWS writes the word, since JSON has no such number.
        spread = "NaN" if self.standard_deviation is None else self.standard_deviation
        return {"value": self.value, "standard_deviation": spread}


@dataclass(frozen=True)
class Performance:
    """What a model achieved on labelled rows.

    Attributes:
        problem_type: What it predicts.
        rows: Labelled rows.
        scalars: The single numbers by AWS's names, in AWS's order.
        matrix: Rows by class and predicted class, by their names; of classifiers.
        curves: Of binary classifiers with scores and rows of both classes.
    """

    problem_type: ProblemType
    rows: int
    scalars: Mapping[str, Scalar]
    matrix: Mapping[str, Mapping[str, int]] | None = None
    curves: Curves | None = None

    def document(self, times: Mapping[str, str] | None = None) -> dict[str, Any]:
        """``statistics.json``.

        Args:
            times: ``start_time`` and ``end_time`` of the window, where there is one.
        """
        told: dict[str, Any] = {} if self.matrix is None else {"confusion_matrix": self.matrix}
        for name, scalar in self.scalars.items():
            if name == "auc" and self.curves is not None:
                told |= _curves(self.curves.thinned())
            told[name] = scalar.document()
        dataset = {"item_count": self.rows, **(times or {})}
        return {"version": 0.0, "dataset": dataset, f"{FAMILY[self.problem_type]}_metrics": told}


def performance(state: State, settings: ModelQuality) -> Performance:
    """Every metric of the rows behind ``state``, of which there is at least one.

    Raises:
        CaptureError: The rows of a binary classifier have more than two classes, those of another too many.
    """
    if isinstance(state, Residuals):
        return _regression(state, settings)
    if len(state.classes) > MAX_CLASSES:
        raise CaptureError(
            f"The rows have {len(state.classes)} different classes, more than {MAX_CLASSES}. Name the classes under "
            "`classes` of the monitor, or set problem_type to Regression if they are numbers."
        )
    if settings.problem_type == BINARY:
        state = state.with_classes(binary_classes(settings))
        if len(state.classes) != 2:  # noqa: PLR2004 (binary)
            raise CaptureError(
                f"The rows have {len(state.classes)} classes ({', '.join(state.classes[:5])}), a binary model has two. "
                f"Name both under `classes` of the monitor, or set problem_type to {MULTICLASS}."
            )
    return _classification(state, settings)


def binary_classes(settings: ModelQuality) -> tuple[str, ...]:
    """Both classes of a binary model as far as the settings tell; () where only the rows or the baseline can."""
    if settings.classes:
        return settings.classes
    return ("0", "1") if settings.positive_class in (None, "0", "1") else ()


def positive_of(settings: ModelQuality) -> str:
    """The positive class of a binary model: the one that is named, else ``1``, else the last of ``classes``."""
    if settings.positive_class is not None:
        return settings.positive_class
    return "1" if not settings.classes or "1" in settings.classes else settings.classes[-1]


def _regression(state: Residuals, settings: ModelQuality) -> Performance:
    def measure(count: Counts) -> Scores:
        return regression.of_pairs(state.actual, state.predicted, count)

    values = (
        measure(state.count)
        if state.whole
        else regression.of_sums(state.rows, state.absolute, state.squared, state.labels.m2)
    )
    spreads = _spreads(state.count, measure, state.rows, settings)
    if not state.whole:
        # The deviations are those of the kept rows; a metric of more rows varies less, by the root of their number.
        less = math.sqrt(state.count.sum() / state.rows)
        spreads = {name: None if spread is None else spread * less for name, spread in spreads.items()}
    return Performance("Regression", state.rows, _scalars(values, spreads))


def _classification(state: Confusion, settings: ModelQuality) -> Performance:
    binary = settings.problem_type == BINARY
    positive = state.classes.index(positive_of(settings)) if binary else 0
    strict = settings.aws_compatible == "Enabled"

    def measure(count: Counts) -> Scores:
        matrix = state.matrix(count)
        return _binary(state, count, matrix, positive, strict=strict) if binary else _multiclass(matrix)

    spreads = _spreads(state.count, measure, state.rows, settings)
    matrix = state.matrix()
    return Performance(
        settings.problem_type,
        state.rows,
        _scalars(measure(state.count), spreads),
        {
            name: dict(zip(state.classes, map(int, row), strict=True))
            for name, row in zip(state.classes, matrix, strict=True)
        },
        curves_of(state, state.count, positive) if binary else None,
    )


def curves_of(state: Confusion, count: Counts, positive: int) -> Curves | None:
    """The curves of a binary classifier's rows; None without scores, or with rows of one class only."""
    if not state.scored:
        return None
    of_class = state.actual == positive
    return Curves.of(state.score, np.where(of_class, count, 0), np.where(of_class, 0, count))


def _binary(state: Confusion, count: Counts, matrix: Counts, positive: int, *, strict: bool) -> Scores:
    """The scalars in AWS's order; with ``strict`` the areas are those of the curves as Spark thins them."""
    own = classification.binary(matrix, positive)
    constant = classification.binary(classification.best_constant(matrix), positive)
    areas: dict[str, float | None] = {}
    if state.scored:
        curves = curves_of(state, count, positive)
        if curves and strict:
            curves = curves.thinned()
        areas = {"auc": curves.auc if curves else None, "au_prc": curves.au_prc if curves else None}
        if curves is None and strict:
            # Spark takes a rate of no rows for 0, so that a curve of one class has all of the area or none.
            areas = dict.fromkeys(areas, 1.0 if matrix[positive].sum() else 0.0)
    rates = ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate")
    return {
        **{name: own[name] for name in _RATES},
        **classification.twins(constant, _RATES),
        **{name: own[name] for name in rates},
        **areas,
        **{name: own[name] for name in _F},
        **classification.twins(constant, _F),
    }


def _multiclass(matrix: Counts) -> Scores:
    own, constant = (classification.multiclass(one) for one in (matrix, classification.best_constant(matrix)))
    return {**own, **classification.twins(constant, tuple(constant))}


def _spreads(count: Counts, measure: draws.Measure, rows: int, settings: ModelQuality) -> Scores:
    return draws.deviations(count, measure, seed=settings.seed) if rows >= draws.FEWEST else {}


def _scalars(values: Scores, spreads: Scores) -> dict[str, Scalar]:
    return {name: Scalar(value, spreads.get(name)) for name, value in values.items()}


def _curves(curves: Curves) -> dict[str, Any]:
    true = curves.true_positive_rates.tolist()
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": curves.false_positive_rates.tolist(),
            "true_positive_rates": true,
        },
        "precision_recall_curve": {"precisions": curves.precisions.tolist(), "recalls": true},
    }
