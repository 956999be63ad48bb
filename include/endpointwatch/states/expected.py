"""Sums of probabilities by predicted class: what a multiclass classifier's answers promise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Expected rows by class (first axis) and predicted class (second); ``a + b`` describes both sets of rows.

    Attributes:
        expected: Sums of the classes' probabilities, shape ``(classes, classes)``.
        variance: Sums of ``p * (1 - p)``, the same shape.
        rows: Number of rows.
    """

    expected: Numbers
    variance: Numbers
    rows: int = 0

    @classmethod
    def empty(cls, classes: int) -> Expected:
        return cls(np.zeros((classes, classes)), np.zeros((classes, classes)))

    @classmethod
    def of(cls, probabilities: Numbers, predicted: NDArray[np.int64]) -> Expected:
        """The state of rows: probabilities of shape ``(rows, classes)``, and the place of the predicted class."""
        size = probabilities.shape[1]
        sums, variances = np.zeros((size, size)), np.zeros((size, size))
        np.add.at(sums.T, predicted, probabilities)
        np.add.at(variances.T, predicted, probabilities * (1 - probabilities))
        return cls(sums, variances, predicted.size)

    def __add__(self, other: Expected) -> Expected:
        return Expected(self.expected + other.expected, self.variance + other.variance, self.rows + other.rows)
