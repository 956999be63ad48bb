"""How much better one model's scores are than another's on the same rows, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.classification import binary
from endpointwatch.metrics.ranking import Curves

Numbers = NDArray[np.float64]
MetricName = Literal["auc", "accuracy", "f1", "log_loss"]
METRICS: tuple[MetricName, ...] = ("accuracy", "auc", "f1", "log_loss")
#: Log loss is a cost, the others are merits.
LOWER_IS_BETTER: frozenset[str] = frozenset({"log_loss"})
THRESHOLD = 0.5
#: Of so many bootstrap samples the gain must be defined, or there is no interval.
DEFINED = 0.95
#: A probability of 0 or 1 that turned out wrong would cost infinitely much; scikit-learn cuts at the same place.
_EDGE = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a gain lies, as far as the rows tell."""

    low: float
    high: float


def measure(name: MetricName, truth: Numbers, score: Numbers, weight: Numbers | None = None) -> float | None:
    """A metric of scores against labels; None where it is undefined (AUC with rows of one class only).

    Args:
        name: Accuracy and F1 at a threshold of 0.5; log loss in nats.
        truth: 0 or 1, shape ``(rows,)``, at least one row.
        score: Probability of 1, shape ``(rows,)``.
        weight: How often each row counts, shape ``(rows,)``; None: once.
    """
    return prepared(name, truth, score)(np.ones_like(truth) if weight is None else weight)


def prepared(name: MetricName, truth: Numbers, score: Numbers) -> Callable[[Numbers], float | None]:
    """The metric as a function of the rows' weights alone: what is the same for all weights is done once."""
    if name == "auc":
        order = np.argsort(score, kind="stable")
        ordered, positive = score[order], truth[order]

        def auc(weight: Numbers) -> float | None:
            mine = weight[order]
            curves = Curves.of(ordered, mine * positive, mine * (1 - positive))
            return None if curves is None else curves.auc

        return auc
    if name == "log_loss":
        sure = np.clip(score, _EDGE, 1 - _EDGE)
        cost = -(truth * np.log(sure) + (1 - truth) * np.log1p(-sure))
        return lambda weight: float(cost @ weight / weight.sum())
    cell = (2 * truth + (score >= THRESHOLD)).astype(np.int64)

    def rate(weight: Numbers) -> float | None:
        return binary(np.bincount(cell, weights=weight, minlength=4).reshape(2, 2), positive=1)[name]

    return rate


def gain(name: MetricName, *, challenger: float, champion: float) -> float:
    """How much better the challenger is: above 0 is better for every metric."""
    return champion - challenger if name in LOWER_IS_BETTER else challenger - champion


def gain_interval(
    name: MetricName,
    truth: Numbers,
    challenger: Numbers,
    champion: Numbers,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> Interval | None:
    """The paired percentile bootstrap interval of the challenger's gain.

    Rows are drawn with replacement, the same ones for both models, so that what makes a row hard for both does not
    count as a difference between them. The rows are taken for independent of each other.

    Args:
        name: The metric.
        truth: 0 or 1, shape ``(rows,)``.
        challenger: Its scores, shape ``(rows,)``.
        champion: Its scores, shape ``(rows,)``.
        confidence: Of the two-sided interval, 0 to 1.
        resamples: Samples drawn.
        seed: Of the drawing.

    Returns:
        None where the metric is undefined in more than 5 % of the samples.

    References:
        Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13.
    """
    generator = np.random.default_rng(seed)
    ours, theirs = prepared(name, truth, challenger), prepared(name, truth, champion)
    rows = len(truth)
    gains: list[float] = []
    for _ in range(resamples):
        weight = np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64)
        mine, his = ours(weight), theirs(weight)
        if mine is not None and his is not None:
            gains.append(gain(name, challenger=mine, champion=his))
    if len(gains) < DEFINED * resamples:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(gains, (tail, 1 - tail))
    return Interval(float(low), float(high))
