"""Bias in the data a model learns from: the eight metrics that need labels, but no model.

Descriptions: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.bias.demographic import conditional_demographic_disparity
from endpointwatch.metrics.bias.ratios import Counts, NotComputableError, require_both


def ci(facet: Counts) -> float:
    """Class Imbalance (CI).

    Args:
        facet: Rows outside and inside the facet, shape ``(2,)``.

    Returns:
        ``(n_a - n_d) / (n_a + n_d)``, -1 to 1; 0 for groups of one size.

    Raises:
        NotComputableError: One of them is empty.
    """
    require_both(
        facet,
        "CI: negated facet set is empty. Check that x[~facet] has non-zero length.",
        "CI: facet set is empty. Check that x[facet] has non-zero length.",
    )
    others, group = facet.tolist()
    return float((others - group) / (others + group))


def dpl(labels: Counts) -> float:
    """Difference in Positive Proportions in Labels (DPL).

    Args:
        labels: Rows by facet and label, shape ``(2, 2)``.

    Returns:
        ``q_a - q_d``, -1 to 1.

    Raises:
        NotComputableError: The facet or its complement is empty.
    """
    require_both(labels, "Negative facet set is empty.", "Facet set is empty.")
    (negative_a, positive_a), (negative_d, positive_d) = labels.tolist()
    return float(positive_a / (negative_a + positive_a) - positive_d / (negative_d + positive_d))


def kl(labels: Counts) -> float:
    """Kullback-Leibler divergence of the others' labels from the facet's (KL).

    Args:
        labels: Rows by facet and label, shape ``(2, 2)``.

    Returns:
        ``sum Pa ln(Pa / Pd)`` in nats over the labels that occur on both sides.

    Raises:
        NotComputableError: No label does.
    """
    others, facet = _aligned(labels)
    return float(np.sum(others * np.log(others / facet)))


def js(labels: Counts) -> float:
    """Jensen-Shannon divergence (JS): the mean divergence of both from their mean; arguments as :func:`kl`."""
    others, facet = _aligned(labels)
    middle = (others + facet) / 2
    return float((np.sum(others * np.log(others / middle)) + np.sum(facet * np.log(facet / middle))) / 2)


def lp(labels: Counts) -> float:
    """L-p norm (LP), p = 2, of the difference of the label distributions; arguments as :func:`kl`."""
    return _norm(labels, 2)


def tvd(labels: Counts) -> float:
    """Total Variation Distance (TVD): half the L-1 norm of that difference; arguments as :func:`kl`."""
    return _norm(labels, 1) / 2


def ks(labels: Counts) -> float:
    """Kolmogorov-Smirnov distance (KS): its largest component; arguments as :func:`kl`."""
    return _norm(labels, np.inf)


def cddl(labels: Counts, in_all: Counts | None = None) -> float:
    """Conditional Demographic Disparity in Labels (CDDL).

    Args:
        labels: Rows by group, facet and label, shape ``(groups, 2, 2)``.
        in_all: All rows by label, shape ``(2,)``.

    Returns, Raises:
        As :func:`endpointwatch.metrics.bias.demographic.conditional_demographic_disparity`.
    """
    return conditional_demographic_disparity(labels, in_all)


def _norm(labels: Counts, order: float) -> float:
    others, facet = _aligned(labels)
    return float(np.linalg.norm(others - facet, order))


def _aligned(labels: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares of the labels that occur outside and inside the facet, shape ``(labels,)`` each."""
    common = labels.all(axis=0)
    if not common.any():
        raise NotComputableError("No instance of common facet found, dataset may be too small")
    shares = labels / labels.sum(axis=1, keepdims=True)
    return shares[0, common], shares[1, common]
