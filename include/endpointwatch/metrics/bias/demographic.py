"""Conditional demographic disparity, the one formula behind CDDL (of labels) and CDDPL (of predictions)."""

from __future__ import annotations

import numpy as np

from endpointwatch.metrics.bias.ratios import Counts, NotComputableError, divide

NO_GROUPS = "Group variable is empty or not provided"


def conditional_demographic_disparity(counts: Counts, in_all: Counts | None = None) -> float:
    """Share of the facet among the rejected less its share among the accepted, averaged over groups of like people.

    Args:
        counts: Rows by group, facet and outcome (0 rejected, 1 accepted), shape ``(groups, 2, 2)``.
        in_all: All rows by outcome, those that are in no group included, shape ``(2,)``; None: there are none of them.

    Returns:
        The average, weighted by the groups' sizes, -1 to 1; positive when the facet is rejected more often than its
        presence among the accepted would let one expect. A group without rejected (or accepted) rows counts a share
        of 0 there; 0 when no row is in any group.

    Raises:
        NotComputableError: There are no groups, or nobody was accepted, or nobody rejected.

    References:
        Wachter, Mittelstadt & Russell (2021), "Why fairness cannot be automated"; smclarify 0.5, ``common.CDD``.
    """
    if not counts.size:
        raise NotComputableError(NO_GROUPS)
    outcomes = counts.sum(axis=1)
    rejected, accepted = outcomes.sum(axis=0) if in_all is None else in_all
    if not accepted:
        raise NotComputableError("No positive labels in set")
    if not rejected:
        raise NotComputableError("No negative labels in set")
    shares = counts[:, 1, :] / np.maximum(outcomes, 1)
    disparities = shares[:, 0] - shares[:, 1]
    sizes = outcomes.sum(axis=1)
    return divide(float((sizes * disparities).sum()), float(sizes.sum()))
