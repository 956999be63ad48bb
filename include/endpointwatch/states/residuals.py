"""What a regression predicted and what was true: sums of errors, and a sample of the pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endpointwatch.states.moments import Moments

#: So many different pairs of label and prediction are kept; beyond it, those whose hashes are smallest.
LIMIT = 1 << 18
Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Rows of a regression; ``a + b`` describes both sets of rows.

    The sums are over all rows. The pairs are all of them while there are at most ``limit`` different ones; beyond, they
    are those with the smallest hashes, with all their rows: a sample that is the same however the rows were cut.

    Attributes:
        labels: Moments of the true values.
        absolute: Sum of absolute errors, in the label's unit.
        squared: Sum of squared errors, in that unit squared.
        actual: True value of each kept pair, shape ``(pairs,)``.
        predicted: Its prediction, shape ``(pairs,)``.
        count: Its rows, at least 1, shape ``(pairs,)``.
        whole: Whether every pair is kept.
        limit: The largest number of pairs.
    """

    labels: Moments
    absolute: float
    squared: float
    actual: Numbers
    predicted: Numbers
    count: Counts
    whole: bool = True
    limit: int = LIMIT

    @classmethod
    def empty(cls, limit: int = LIMIT) -> Residuals:
        return cls(Moments(), 0.0, 0.0, np.empty(0), np.empty(0), np.empty(0, np.int64), limit=limit)

    @classmethod
    def of(cls, actual: Numbers, predicted: Numbers, limit: int = LIMIT) -> Residuals:
        """The state of finite labels and predictions, both of shape ``(rows,)``."""
        error = actual - predicted
        sums = (Moments.of(actual), float(np.abs(error).sum()), float(np.square(error).sum()))
        return cls.total([cls(*sums, actual, predicted, np.ones(actual.size, np.int64), limit=limit)], limit)

    @classmethod
    def total(cls, parts: Iterable[Residuals], limit: int = LIMIT) -> Residuals:
        """The state of all the parts' rows: cheaper than adding them one by one."""
        states = [part for part in parts if part.labels.n]
        if not states:
            return cls.empty(limit)
        labels = sum((state.labels for state in states), Moments())
        absolute, squared = sum(state.absolute for state in states), sum(state.squared for state in states)
        actual, predicted, count = _pairs(
            np.concatenate([state.actual for state in states]),
            np.concatenate([state.predicted for state in states]),
            np.concatenate([state.count for state in states]),
        )
        whole = all(state.whole for state in states) and count.size <= limit
        return cls(labels, absolute, squared, actual[:limit], predicted[:limit], count[:limit], whole, limit)

    def __add__(self, other: Residuals) -> Residuals:
        return Residuals.total((self, other), self.limit)

    @property
    def rows(self) -> int:
        return self.labels.n


def _pairs(actual: Numbers, predicted: Numbers, count: Counts) -> tuple[Numbers, Numbers, Counts]:
    """Equal pairs made one, in the order of their hashes."""
    actual, predicted = actual + 0.0, predicted + 0.0  # -0.0 is 0.0
    one, two = actual.view(np.uint64), predicted.view(np.uint64)
    mixed = _mixed(_mixed(one) ^ two)
    order = np.lexsort((two, one, mixed))
    one, two, count = one[order], two[order], count[order]
    first = np.flatnonzero(np.concatenate(([True], (one[1:] != one[:-1]) | (two[1:] != two[:-1]))))
    return actual[order][first], predicted[order][first], np.add.reduceat(count, first)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea & Flood, 2014): neighbours land far apart."""
    x = bits + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed
