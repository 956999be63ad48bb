"""Bias in what a model answers: the metrics that need predictions, and most of them labels too.

All take counts by facet, label and prediction, shape ``(2, 2, 2)``, unless they say otherwise; index 0 of an axis is
the others, a negative label, a negative prediction. All raise :class:`.ratios.NotComputableError` when the facet or its
complement is empty. Descriptions: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-post-training-bias.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from endpointwatch.metrics.bias.demographic import conditional_demographic_disparity
from endpointwatch.metrics.bias.pre_training import dpl
from endpointwatch.metrics.bias.ratios import Counts, NotComputableError, difference, divide, require_both


class Confusion(NamedTuple):
    """One side's rows by label and prediction."""

    tn: int
    fp: int
    fn: int
    tp: int


def dppl(predictions: Counts) -> float:
    """Difference in Positive Proportions in Predicted Labels (DPPL): ``q'_a - q'_d``, -1 to 1.

    Args:
        predictions: Rows by facet and prediction, shape ``(2, 2)``.
    """
    return dpl(predictions)


def di(predictions: Counts) -> float:
    """Disparate Impact (DI): ``q'_d / q'_a``, at least 0, neutral at 1; infinite when only the facet is accepted.

    Args:
        predictions: Rows by facet and prediction, shape ``(2, 2)``.
    """
    require_both(predictions, "Negated facet set is empty", "Facet set is empty")
    (negative_a, positive_a), (negative_d, positive_d) = predictions.tolist()
    return divide(positive_d / (negative_d + positive_d), positive_a / (negative_a + positive_a))


def dca(counts: Counts) -> float:
    """Difference in Conditional Acceptance (DCA): observed per predicted positives, others less facet."""
    return _compared(counts, lambda c: divide(c.tp + c.fn, c.tp + c.fp), "DCO")


def dcr(counts: Counts) -> float:
    """Difference in Conditional Rejection (DCR): observed per predicted negatives, facet less others."""
    return _compared(counts, lambda c: divide(c.tn + c.fp, c.tn + c.fn), "DCO", facet_first=True)


def rd(counts: Counts) -> float:
    """Recall Difference (RD): true-positive rates, others less facet, -1 to 1."""
    return _compared(counts, lambda c: divide(c.tp, c.tp + c.fn), "DLA")


def sd(counts: Counts) -> float:
    """Specificity Difference (SD): true-negative rates, facet less others, -1 to 1."""
    return _compared(counts, lambda c: divide(c.tn, c.tn + c.fp), "DLA", facet_first=True)


def dar(counts: Counts) -> float:
    """Difference in Acceptance Rates (DAR): precisions, others less facet, -1 to 1."""
    return _compared(counts, lambda c: divide(c.tp, c.tp + c.fp), "DLR")


def drr(counts: Counts) -> float:
    """Difference in Rejection Rates (DRR): shares of right rejections, facet less others, -1 to 1."""
    return _compared(counts, lambda c: divide(c.tn, c.tn + c.fn), "DLR", facet_first=True)


def ad(counts: Counts) -> float:
    """Accuracy Difference (AD): shares of right predictions, others less facet, -1 to 1."""
    return _compared(counts, lambda c: divide(c.tp + c.tn, sum(c)))


def te(counts: Counts) -> float:
    """Treatment Equality (TE): false negatives per false positive, facet less others; unbounded."""
    return _compared(counts, lambda c: divide(c.fn, c.fp), facet_first=True)


def cddpl(predictions: Counts, in_all: Counts | None = None) -> float:
    """Conditional Demographic Disparity in Predicted Labels (CDDPL).

    Args:
        predictions: Rows by group, facet and prediction, shape ``(groups, 2, 2)``.
        in_all: All rows by prediction, shape ``(2,)``.

    Returns, Raises:
        As :func:`endpointwatch.metrics.bias.demographic.conditional_demographic_disparity`.
    """
    return conditional_demographic_disparity(predictions, in_all)


def ge(confusion: Counts) -> float:
    """Generalized Entropy (GE): how unevenly benefits are spread over all rows, whatever the facet.

    Args:
        confusion: All rows by label and prediction, shape ``(2, 2)``.

    Returns:
        The index with alpha 2 (half the squared coefficient of variation) of the benefits: 2 for a false positive,
        1 for a right prediction, 0 for a false negative. At least 0.

    Raises:
        NotComputableError: There are no rows, or all are false negatives.

    References:
        Speicher et al. (2018), "A unified approach to quantifying algorithmic unfairness".
    """
    one = Confusion(*confusion.ravel().tolist())
    rows = sum(one)
    if not rows:
        raise NotComputableError("dataset must be non-empty")
    right, twice = one.tn + one.tp, one.fp
    mean = (right + 2 * twice) / rows
    if mean == 0:
        raise NotComputableError(
            "All predicted labels are false negatives. There should be at least one prediction that is not "
            "false negative."
        )
    squares = right * (1 / mean) ** 2 + twice * (2 / mean) ** 2
    return (squares - rows) / (2 * rows)


def _compared(
    counts: Counts, rate: Callable[[Confusion], float], stem: str | None = None, *, facet_first: bool = False
) -> float:
    """The difference of a rate between the others and the facet; ``stem`` opens the error texts, as in smclarify."""
    opening = f"{stem}: " if stem else ""
    facet_text, others_text = f"{opening}Facet set is empty", f"{opening}Negated Facet set is empty"
    require_both(counts[::-1], facet_text, others_text)
    others, facet = (rate(Confusion(*side)) for side in counts.reshape(2, 4).tolist())
    return difference(facet, others) if facet_first else difference(others, facet)
