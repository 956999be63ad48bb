"""Could a difference be chance, and is it large? P-values and effect sizes of two samples, and many tests at once.

A p-value alone says little about a window: with enough rows every difference is significant. So both stand together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from endpointwatch.metrics.distances import upper_gamma

# Below the one, and from the other on, the distribution is 1 and 0 to the last bit of a double.
_ALWAYS, _NEVER = 0.04, 19.5
_TERMS = 21  # the next one is 0 to the last bit in both series
_EXPECTED = 5  # Cochran (1954): the least count that a cell should be expected to have


def kolmogorov_smirnov(distance: float, n: int, m: int) -> float:
    """The p-value of the two-sample Kolmogorov-Smirnov test.

    Args:
        distance: The largest difference of the two cumulative distributions, 0 to 1.
        n: Rows of one sample, at least 1.
        m: Rows of the other, at least 1.

    Returns:
        The probability of a distance at least as large by chance, 0 to 1. Too large, not too small, where values are
        repeated: the test is made for continuous numbers.

    References:
        Stephens (1970), "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics", for small samples.
    """
    root = math.sqrt(n * (m / (n + m)))
    return kolmogorov((root + 0.12 + 0.11 / root) * distance)


def kolmogorov(x: float) -> float:
    """The survival function of Kolmogorov's limiting distribution, for ``x >= 0``."""
    if x < _ALWAYS:
        return 1.0
    if x >= _NEVER:
        return 0.0
    if x < 1:
        # The other of its two series: the alternating one converges ever more slowly towards 0.
        inverse = math.pi**2 / (8 * x * x)
        below = math.fsum(math.exp(-((2 * term - 1) ** 2) * inverse) for term in range(1, _TERMS))
        return min(1.0, max(0.0, 1 - math.sqrt(2 * math.pi) / x * below))
    return 2 * math.fsum((-1) ** (term - 1) * math.exp(-2 * term * term * x * x) for term in range(1, _TERMS))


def homogeneity(one: Mapping[str, int], two: Mapping[str, int]) -> float:
    """The p-value of the chi-squared test that two samples have the same shares of every category.

    Rare categories are merged, the rarest into the next, until each is expected five times in both samples.

    Args:
        one: Counts by category, at least one above 0.
        two: The same.

    Returns:
        The probability of a difference at least as large by chance, 0 to 1; 1.0 when there are too few rows to tell two
        categories apart.
    """
    n, m = sum(one.values()), sum(two.values())
    least = _EXPECTED * (n + m) / min(n, m)
    # Ties are broken by name, so that the same counts always merge in the same order.
    cells = sorted((one.get(k, 0) + two.get(k, 0), k, one.get(k, 0), two.get(k, 0)) for k in one.keys() | two.keys())
    while len(cells) > 1 and cells[0][0] < least:
        (total, _, first, second), (next_total, key, next_first, next_second), *rest = cells
        cells = sorted([(total + next_total, key, first + next_first, second + next_second), *rest])
    if len(cells) < 2:  # noqa: PLR2004 (one category has no shares to compare)
        return 1.0
    statistic = _statistic([(first, second) for _, _, first, second in cells], n, m)
    return upper_gamma((len(cells) - 1) / 2, statistic / 2)


def cramers_v(one: Mapping[str, int], two: Mapping[str, int]) -> float:
    """How strongly the category tells the two samples apart: Cramér's V, 0 (not at all) to 1 (it says which one)."""
    n, m = sum(one.values()), sum(two.values())
    cells = [(one.get(key, 0), two.get(key, 0)) for key in sorted(one.keys() | two.keys())]
    return min(1.0, math.sqrt(_statistic(cells, n, m) / (n + m)))


def _statistic(cells: Sequence[tuple[int, int]], n: int, m: int) -> float:
    shares = [((first + second) / (n + m), first, second) for first, second in cells if first + second]
    return math.fsum(
        (first - n * share) ** 2 / (n * share) + (second - m * share) ** 2 / (m * share)
        for share, first, second in shares
    )


def glass_delta(baseline_mean: float, baseline_std_dev: float, mean: float) -> float | None:
    """By how many of the baseline's standard deviations the mean has moved; None for a baseline without spread.

    References:
        Glass (1976), "Primary, secondary, and meta-analysis of research".
    """
    if not baseline_std_dev > 0:
        return None
    delta = (mean - baseline_mean) / baseline_std_dev
    return delta if math.isfinite(delta) else None


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted for their number: those at most ``q`` are, on average, false alarms to a share of ``q``.

    Args:
        p_values: One a test, 0 to 1, in any order.

    Returns:
        The adjusted ones, in the same order, each at least as large as before and at most 1.

    References:
        Benjamini & Hochberg (1995), "Controlling the false discovery rate".
    """
    adjusted = [1.0] * len(p_values)
    least = 1.0
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        least = min(least, p_values[place] * (len(order) / rank))
        adjusted[place] = least
    return tuple(adjusted)
