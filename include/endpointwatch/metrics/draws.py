"""How much a metric would vary: its standard deviation over random draws of the rows, as Model Monitor takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

#: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
DRAWS, SHARE, FEWEST = 5, 0.8, 200
Counts = NDArray[np.int64]
Measure = Callable[[Counts], Mapping[str, float | None]]
_EXACT_BELOW = 1_000_000_000  # NumPy's own limit for the hypergeometric distribution


def deviations(count: Counts, measure: Measure, *, seed: int) -> dict[str, float | None]:
    """The standard deviation of each metric over five draws of 80 % of the rows, without replacement.

    Rows are drawn from the counts of equal rows, so the result depends neither on the rows' order nor on how they came.

    Args:
        count: Rows in each cell, shape ``(cells,)``, at least one in all.
        measure: From the rows drawn in each cell to the metrics by name; None where one cannot be computed.
        seed: Of the draws.

    Returns:
        The sample standard deviation (divided by 4) of each metric; None where a draw had no value.
    """
    generator = np.random.default_rng(seed)
    told = [measure(_drawn(generator, count)) for _ in range(DRAWS)]
    return {name: _spread([one[name] for one in told]) for name in told[0]}


def _drawn(generator: np.random.Generator, count: Counts) -> Counts:
    rows = int(count.sum())
    if rows >= _EXACT_BELOW:
        return generator.binomial(count, SHARE)
    return generator.multivariate_hypergeometric(count, int(SHARE * rows), method="marginals")


def _spread(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) == len(values) else None
