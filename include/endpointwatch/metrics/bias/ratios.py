"""Division as Clarify defines it, and the error of a metric that has no value."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


class NotComputableError(ValueError):
    """A metric has no value for these rows; the text is what reports show for it."""


def divide(numerator: float, denominator: float) -> float:
    """The ratio of two counts: 0 for 0/0, infinite for x/0.

    References:
        smclarify 0.5, ``bias/metrics/common.py``.
    """
    if denominator == 0:
        return 0.0 if numerator == 0 else math.copysign(math.inf, numerator)
    return numerator / denominator


def difference(first: float, second: float) -> float:
    """``first - second``; 0 when both are infinite, which they can only be in the same direction."""
    return 0.0 if math.isinf(first) and first == second else first - second


def require_both(counts: Counts, others: str, facet: str) -> None:
    """Raise :class:`NotComputableError` with one of the two texts when one of the two groups has no rows.

    Args:
        counts: Facet first, shape ``(2, …)``.
        others: What to say when there is nobody outside the facet.
        facet: What to say when there is nobody in it.
    """
    if not counts[0].any():
        raise NotComputableError(others)
    if not counts[1].any():
        raise NotComputableError(facet)
