"""The flip test: would the facet's members have been answered the same had they been among the others?

It is no function of counts: it needs the rows, and where several neighbours are equally far its value depends on the
order of the rows, as Clarify's does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.bias.ratios import NotComputableError

NEIGHBOURS = 5
#: With fewer rows outside the facet only the nearest one is asked.
FEW = 10
# Beyond so many columns scikit-learn compares every pair of rows instead of building a tree.
_TREE_COLUMNS = 15
# Distances that differ by less may be equal in another order of summation.
_TIE = 1e-9


def ft(features: NDArray[np.float64] | None, facet: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """Flip Test (FT).

    Args:
        features: Every column but facet, label and prediction, shape ``(rows, columns)``; None when they are not
            all numeric.
        facet: Which rows are the group's, shape ``(rows,)``.
        predicted: Which are predicted positive, shape ``(rows,)``.

    Returns:
        ``(F+ - F-) / n_d``, -1 to 1: of the facet's rows, the share that the model accepts and the majority of their
        five nearest neighbours outside the facet is refused, less the reverse.

    Raises:
        NotComputableError: The facet or its complement is empty, there is no column, one is not numeric, or a value
            is missing.

    References:
        Black, Yeom & Fredrikson (2020), "FlipTest"; smclarify 0.5, ``posttraining.FT``, whose nearest-neighbour search
        (scikit-learn's, Euclidean) decides here too wherever neighbours are equally far.
    """
    if not facet.any():
        raise NotComputableError("Facet set is empty")
    if facet.all():
        raise NotComputableError("Negated Facet set is empty")
    if features is None:
        raise NotComputableError("FlipTest does not support non-numeric columns")
    if not features.shape[1]:
        raise NotComputableError("FlipTest needs at least one numeric column besides facet and label")
    if not np.isfinite(features).all():
        raise NotComputableError("FlipTest does not support missing or infinite values")
    others, answers = features[~facet], predicted[~facet]
    group, own = features[facet], predicted[facet]
    as_neighbours = _neighbours_answers(others, answers, group)
    return float((own & ~as_neighbours).sum() - (~own & as_neighbours).sum()) / len(group)


def _neighbours_answers(
    others: NDArray[np.float64], answers: NDArray[np.bool_], group: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """What the neighbours of each row of ``group`` among ``others`` were answered, shape ``(rows of group,)``."""
    count = NEIGHBOURS if len(others) >= FEW else 1
    if answers.all() or not answers.any():
        return np.full(len(group), answers[0])
    # Neighbours are looked up one after the other where rows lie close together: what one look-up loaded serves the
    # next. Equal rows, which have equal neighbours, are looked up once.
    order = _close_together(group)
    lined_up = group[order]
    fresh = np.concatenate(([True], (lined_up[1:] != lined_up[:-1]).any(axis=1)))
    asked = lined_up[fresh]
    found = np.zeros(len(asked), dtype=np.bool_)
    open_ = np.ones(len(asked), dtype=np.bool_)
    if others.shape[1] <= _TREE_COLUMNS and len(others) > count:
        found, open_ = _without_ties(others, answers, asked, count)
    if open_.any():
        from sklearn.neighbors import KNeighborsClassifier  # noqa: PLC0415 (the same)

        judge = KNeighborsClassifier(n_neighbors=count).fit(others, answers)
        found[open_] = judge.predict(asked[open_])
    answered = np.empty(len(group), dtype=np.bool_)
    answered[order] = found[np.cumsum(fresh) - 1]
    return answered


def _close_together(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    """The rows' places in an order in which those that follow each other lie close together."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]  # noqa: PLC0415 (heavy; most jobs do without it)

    places: NDArray[np.intp] = cKDTree(rows, balanced_tree=False, compact_nodes=False, leafsize=64).indices
    return places


def _without_ties(
    others: NDArray[np.float64], answers: NDArray[np.bool_], asked: NDArray[np.float64], count: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The majority among the nearest, and for which rows a tie leaves open who is among them; a quick search."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 (as above)

    # The tree looks at rows where they lie; brought together before, a leaf's are in one piece of memory.
    order = _close_together(others)
    others, answers = others[order], answers[order]
    distances, places = cKDTree(others, balanced_tree=False, leafsize=32).query(asked, k=count + 1, workers=-1)
    nearest = answers[places[:, :count]].sum(axis=1)
    last, next_ = distances[:, count - 1], distances[:, count]
    tied = next_ - last <= _TIE * np.maximum(last, 1.0)
    return nearest * 2 > count, tied
