"""Distances between two distributions, as Model Monitor's library defines them, without its blind spots and with them.

References:
    awslabs/deequ, ``analyzers/Distance.scala``; two-sample Kolmogorov-Smirnov test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.samples import Weighted

# c(alpha) of the two-sample Kolmogorov-Smirnov test for alpha near 0.003: sqrt(-ln(alpha / 2) / 2).
ROBUST_FACTOR = 1.8
# When a chi-squared test is allowed: Cochran (1952) for two categories, Yates, Moore & McCabe (1999) for more.
_TWO = 2
_COCHRAN = 10
_YATES, _YATES_SHARE = 5, 0.2
_PRECISION, _STEPS = 1e-15, 10_000


def numeric(baseline: Weighted, current: Weighted) -> tuple[float, int, int]:
    """The largest difference of two cumulative distributions of numbers (the Kolmogorov-Smirnov statistic).

    Args:
        baseline: At least one value. What is made of it is kept, for the next sample that is held against it.
        current: At least one value.

    Returns:
        The distance, 0 to 1, and the sizes of the two samples that :func:`robust` needs.
    """
    # Between two steps of the one the other only rises: the largest gap stands at a step, or just before it.
    steps, values = baseline.steps.values, current.values
    upto = np.searchsorted(steps, values, side="right")
    on_a_step = steps[np.maximum(upto - 1, 0)] == values
    weights = np.bincount(2 * upto - on_a_step, current.weights, minlength=2 * steps.size)
    # Whole numbers are added several times faster than others.
    shares = weights[: 2 * steps.size].astype(np.int64).cumsum() / current.total
    return float(np.abs(baseline.shares - shares).max()), baseline.total, current.total


def numeric_at_most(baseline: Weighted, values: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    """A bound that :func:`numeric` is never above, for less than half its time, since it wants nothing in order.

    Args:
        baseline: At least one value.
        values: Of the other sample, in any order, shape ``(n,)``, at least one.
        weights: How many rows each stands for, shape ``(n,)``.
    """
    cells = baseline.cells
    if cells is None:
        return 1.0
    below, upto = cells.shares
    its_below, its_upto = cells.shares_of(values, weights)
    # Within a cell both distributions lie between what they are at its two ends.
    return float(max((upto - its_below).max(), (its_upto - below).max()))


def categorical(baseline: Mapping[str, int], current: Mapping[str, int]) -> tuple[float, int, int]:
    """The largest difference of the share of any category.

    Args:
        baseline: Counts by category, at least one above 0.
        current: The same.

    Returns:
        The distance, 0 to 1, and the sizes of the two samples.
    """
    n, m = sum(baseline.values()), sum(current.values())
    # Sorted, so that the same counts are always walked in the same order.
    keys = sorted(baseline.keys() | current.keys())
    return max(abs(baseline.get(key, 0) / n - current.get(key, 0) / m) for key in keys), n, m


def chi_squared(baseline: Mapping[str, int], current: Mapping[str, int], *, strict: bool = False) -> float | None:
    """The p-value of the chi-squared test that ``current`` has the shares of ``baseline``.

    Small categories are merged, the smallest into the next smallest, until the test is allowed: with two categories
    each must be expected at least 10 times, with more at most a fifth of them fewer than 5 times. Categories that the
    baseline does not know are left out, as the library does; the check of known values speaks about those.

    Args:
        baseline: Counts by category.
        current: The same.
        strict: Make no test, as the library, where fewer than two of the current categories remain: it counts those
            that the baseline does not know, and not those that have vanished.

    Returns:
        The probability of a difference at least as large by chance, 0 to 1; None when fewer than two categories remain.
    """
    total, known = sum(baseline.values()), sum(current.get(key, 0) for key in baseline)
    if not total or not known:
        return None
    # Ties are broken by name, so that the same counts always merge in the same order.
    cells = sorted((count / total * known, key, float(current.get(key, 0))) for key, count in baseline.items())
    present = set(current)
    while len(cells) >= _TWO and _too_small([expected for expected, _, _ in cells]):
        (expected, small, observed), (next_expected, key, next_observed), *rest = cells
        present = present - {small} | {key}
        cells = sorted([(expected + next_expected, key, observed + next_observed), *rest])
    if len(cells) < _TWO or (strict and len(present) < _TWO):
        return None
    statistic = math.fsum((observed - expected) ** 2 / expected for expected, _, observed in cells)
    return upper_gamma((len(cells) - 1) / 2, statistic / 2)


def _too_small(expected: list[float]) -> bool:
    if len(expected) == _TWO:
        return min(expected) < _COCHRAN
    return sum(count < _YATES for count in expected) > int(_YATES_SHARE * len(expected))


def upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x), for ``a > 0`` and ``x >= 0``.

    References:
        Press et al., "Numerical Recipes", 6.2: the series below ``a + 1``, Lentz's continued fraction above.
    """
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while abs(term) > abs(total) * _PRECISION:
            n += 1
            term *= x / n
            total += term
        return max(0.0, 1.0 - total * scale)
    b = x + 1 - a
    c = math.inf
    d = fraction = 1 / b
    for i in range(1, _STEPS):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        fraction *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return min(1.0, fraction * scale)


def robust(distance: float, n: int, m: int) -> float:
    """``distance`` less what chance alone would give for samples of ``n`` and ``m``; at least 0."""
    return max(0.0, distance - ROBUST_FACTOR * math.sqrt((n + m) / (n * m)))
