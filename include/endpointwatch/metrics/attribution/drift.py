"""Whether the features still matter in the same order: NDCG, and what became of each feature's share and rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one feature's part in the model's output.

    Attributes:
        baseline_share: Its global value as a share of all features' in the baseline, 0 to 1.
        share: The same now.
        percent: Change of the share, in percent of the baseline's; None where that is 0.
        baseline_rank: 1 is the feature that matters most.
        rank: The same now.
    """

    baseline_share: float
    share: float
    percent: float | None
    baseline_rank: int
    rank: int


def ndcg(baseline: Vector, current: Vector) -> float | None:
    """Normalised discounted cumulative gain of the current order of the features.

    The gain of a feature is its *baseline* value, its place the one it has now, the discount ``log2(place + 1)``.

    Args:
        baseline: Global values of the baseline, shape ``(features,)``; a negative one (``median``) counts by its size.
        current: Those of the window, in the same order of features.

    Returns:
        0 to 1; 1 means the same order. None when every baseline value is 0: then there is no order to keep.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html
    """
    gains = np.abs(baseline)
    discounts = 1 / np.log2(np.arange(len(gains)) + 2)
    ideal = float(gains[order(baseline)] @ discounts)
    return float(gains[order(current, ties=baseline)] @ discounts) / ideal if ideal > 0 else None


def order(values: Vector, *, ties: Vector | None = None) -> NDArray[np.intp]:
    """Places of the features, the one that matters most first.

    Args:
        values: Global values; their size counts, not their sign.
        ties: Equal ones keep the order of these (the baseline's: what has not moved is no drift), then their own.
    """
    second = np.zeros(len(values)) if ties is None else np.abs(ties)
    return np.lexsort((-second, -np.abs(values)))


def shares(values: Vector) -> Vector:
    """Each value's size as a share of all, shape ``(features,)``; all 0 when every value is."""
    sizes = np.abs(values)
    total = sizes.sum()
    return sizes / total if total > 0 else sizes


def changes(baseline: Vector, current: Vector) -> tuple[Change, ...]:
    """What became of each feature; both shapes ``(features,)``, in the same order of features."""
    then, now = shares(baseline), shares(current)
    ranks_then, ranks_now = _ranks(order(baseline)), _ranks(order(current, ties=baseline))
    return tuple(
        Change(
            baseline_share=float(then[i]),
            share=float(now[i]),
            percent=float((now[i] - then[i]) / then[i] * 100) if then[i] > 0 else None,
            baseline_rank=int(ranks_then[i]),
            rank=int(ranks_now[i]),
        )
        for i in range(len(then))
    )


def _ranks(places: NDArray[np.intp]) -> NDArray[np.intp]:
    ranks = np.empty_like(places)
    ranks[places] = np.arange(1, len(places) + 1)
    return ranks
