"""Count, mean, spread, sum and range of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Moments:
    """What a column's numbers look like as a whole; ``a + b`` describes both sets of numbers.

    Attributes:
        n: Number of values.
        mean: Their mean, in the column's own unit; 0.0 when ``n == 0``.
        m2: Sum of squared deviations from the mean, in that unit squared.
        total: Their sum. Kept beside the mean, because ``n * mean`` is not exactly the sum.
        low: The smallest value; +inf when ``n == 0``.
        high: The largest value; -inf when ``n == 0``.

    References:
        Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample variances".
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Moments:
        """The moments of finite ``values``, shape ``(n,)``."""
        if values.size == 0:
            return cls()
        low, high = float(values.min()), float(values.max())
        # NumPy sums in pairs, in the order of the values: precise, and the same bits on every run.
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(values.sum())
            if low == high:  # a sum is rounded, and a constant would seem to vary by that
                return cls(values.size, low + 0.0, 0.0, total, low, high)
            mean = float(values.mean())
            return cls(values.size, mean, float(np.square(values - mean).sum()), total, low, high)

    def __add__(self, other: Moments) -> Moments:
        if other.n == 0:
            return self
        if self.n == 0:
            return other
        n = self.n + other.n
        delta = other.mean - self.mean
        return Moments(
            n,
            self.mean + delta * (other.n / n),
            self.m2 + other.m2 + delta * delta * (self.n * (other.n / n)),
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def std_dev(self) -> float | None:
        """Population standard deviation; None without values."""
        # Divide by n, not n - 1: Deequ, which writes SageMaker's baselines, does.
        return math.sqrt(self.m2 / self.n) if self.n else None
