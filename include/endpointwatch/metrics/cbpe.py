"""Confidence-based performance estimation: what a classifier's probabilities promise, before labels come.

A row with probability p of a class is that class with probability p, if the probabilities are calibrated. So the
confusion matrix to be expected follows from the probabilities alone, and the metrics from the matrix. It sees a change
of the inputs, not one of the relation between inputs and labels.

References:
    NannyML, "Confidence-based Performance Estimation (CBPE)",
    https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html; Guillory et al. (2021),
    "Predicting with confidence on unseen distributions".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics import classification
from endpointwatch.metrics.ranking import Curves

DRAWS = 100
#: The labels of neighbouring scores are drawn together beyond so many, with their mean probability.
GROUPS = 2048
Z95 = 1.959963984540054
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimated:
    """A metric's estimate.

    Attributes:
        value: The metric of the expected confusion matrix, or of the expected curve.
        error: Its sampling error: the standard deviation over drawn labels.
    """

    value: float
    error: float

    @property
    def band(self) -> tuple[float, float]:
        """Where the metric lies in 95 of 100 windows like this, within 0 to 1."""
        reach = Z95 * self.error
        return max(0.0, self.value - reach), min(1.0, self.value + reach)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Rows of a binary classifier whose labels are not known.

    Attributes:
        score: Ascending, shape ``(cells,)``.
        probability: Calibrated, of the positive class, shape ``(cells,)``.
        alarm: Whether the positive class was predicted, shape ``(cells,)``.
        count: Rows, shape ``(cells,)``.
    """

    score: Numbers
    probability: Numbers
    alarm: NDArray[np.bool_]
    count: NDArray[np.int64]

    def matrix(self, positives: Numbers | None = None) -> Numbers:
        """Expected rows by class (negative, positive) and prediction; with ``positives`` those of drawn labels."""
        true = self.count * self.probability if positives is None else positives
        false = self.count - true
        return np.array(
            [[false[~self.alarm].sum(), false[self.alarm].sum()], [true[~self.alarm].sum(), true[self.alarm].sum()]]
        )

    def metrics(self, positives: Numbers | None = None) -> dict[str, float]:
        """The metrics of the expected confusion matrix and curve; with ``positives`` those of drawn labels."""
        own = classification.binary(self.matrix(positives), 1)
        true = self.count * self.probability if positives is None else positives
        curves = Curves.of(self.score, true, self.count - true)
        return own if curves is None else {**own, "auc": curves.auc}

    def grouped(self, groups: int = GROUPS) -> Scored:
        """The same rows in at most twice so many cells: neighbouring scores of one prediction made one."""
        if self.count.size <= groups:
            return self
        place = np.arange(self.count.size) * groups // self.count.size * 2 + self.alarm
        _, first, cell = np.unique(place, return_index=True, return_inverse=True)
        count = np.bincount(cell, self.count).astype(np.int64)
        probability = np.bincount(cell, self.count * self.probability) / count
        score = (np.arange(self.count.size) * groups // self.count.size)[first].astype(np.float64)
        return Scored(score, np.clip(probability, 0.0, 1.0), self.alarm[first], count)


def binary(rows: Scored, *, seed: int) -> dict[str, Estimated]:
    """The estimates of a binary classifier's metrics.

    Args:
        rows: At least one.
        seed: Of the drawn labels.
    """
    values, groups = rows.metrics(), rows.grouped()
    generator = np.random.default_rng(seed)
    drawn = [
        groups.metrics(generator.binomial(groups.count, groups.probability).astype(np.float64)) for _ in range(DRAWS)
    ]
    return _estimates(values, drawn)


def multiclass(expected: Numbers, variance: Numbers, *, seed: int) -> dict[str, Estimated]:
    """The estimates of a classifier's metrics.

    Args:
        expected: Expected rows by class and predicted class: sums of probabilities, shape ``(classes, classes)``.
        variance: Of these numbers: sums of ``p * (1 - p)``, of the same shape. That classes of one row exclude each
            other is left out of account, which overstates the error of averages a little.
        seed: Of the drawn matrices.
    """
    generator = np.random.default_rng(seed)
    totals = expected.sum(axis=0)
    drawn = []
    for _ in range(DRAWS):
        matrix = np.maximum(generator.normal(expected, np.sqrt(variance)), 0.0)
        sums = matrix.sum(axis=0)
        # What was predicted is known, only its truth is not: the columns keep their sums.
        scale = np.divide(totals, sums, out=np.zeros_like(totals), where=sums > 0)
        drawn.append(classification.multiclass(matrix * scale))
    return _estimates(classification.multiclass(expected), drawn)


def _estimates(values: Mapping[str, float], drawn: list[dict[str, float]]) -> dict[str, Estimated]:
    told = {name: [one[name] for one in drawn if name in one] for name in values}
    return {
        name: Estimated(values[name], float(np.std(numbers, ddof=1)))
        for name, numbers in told.items()
        if len(numbers) > 1
    }
