"""The rule by which a challenger takes the champion's place: both judged on the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from endpointwatch.actions import conditions
from endpointwatch.actions.comparison import (
    CHALLENGER,
    CHAMPION,
    Bootstrap,
    Comparison,
    Evaluation,
    Latency,
    Treatment,
)
from endpointwatch.actions.figures import interval as interval_of
from endpointwatch.actions.figures import on_rows
from endpointwatch.actions.scores import Scores
from endpointwatch.config.training import MetricChoice, Promotion
from endpointwatch.errors import DatasetError
from endpointwatch.metrics import paired


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the models besides their metrics.

    Attributes:
        scores: Every row's scores; None where the image wrote none.
        latency_ms: Every model's median time to score one row; empty where the image measured none.
        treatments: Bias metrics of both.
    """

    scores: Scores | None = None
    latency_ms: Mapping[str, float] | None = None
    treatments: tuple[Treatment, ...] = ()


def compare(
    evaluation: Evaluation,
    *,
    metric: MetricChoice,
    minimum_gain: float,
    has_champion: bool,
    promotion: Promotion | None = None,
    evidence: Evidence | None = None,
) -> Comparison:
    """Whether the challenger is promoted.

    Args:
        evaluation: Metrics of ``challenger`` and, unless it is the first version, ``champion``.
        metric: The one that counts; in the metric's own unit.
        minimum_gain: The challenger must be better by *more* than this, so a tie keeps the champion.
        has_champion: Said by the caller, not guessed from the evaluation: a champion whose figures are missing must
            never make the challenger win unopposed.
        promotion: What else it must show; None: nothing but the gain of the figures.
        evidence: What that is judged on.

    Raises:
        DatasetError: A figure is missing or not a number (AUC is undefined when all labels are equal), or what
            ``promotion`` asks for cannot be told from the evidence.
    """
    promotion, evidence = promotion or Promotion(confidence=None), evidence or Evidence()
    challenger = _figure(evaluation, CHALLENGER, metric)
    champion = _figure(evaluation, CHAMPION, metric) if has_champion else None
    gain = None if champion is None else paired.gain(metric, challenger=challenger, champion=champion)
    interval = interval_of(evidence.scores, metric, promotion) if has_champion else None
    held_out = on_rows(evidence.scores, "initial")
    latency = Latency(**{m: (evidence.latency_ms or {}).get(m) for m in (CHALLENGER, CHAMPION)})
    not_better = tuple(conditions.not_better(gain, interval, minimum_gain))
    others = (
        *conditions.worse_on_held_out(held_out, metric, promotion, has_champion=has_champion),
        *conditions.slow(latency, promotion, has_champion=has_champion),
        *conditions.unequal(evidence.treatments, promotion),
    )
    figures = f"First version: {metric} {challenger:.4f} on {evaluation.rows} rows, no champion to beat."
    if champion is not None and gain is not None:
        figures = _in_words(metric, challenger, champion, gain, evaluation.rows, interval, minimum_gain)
    return Comparison(
        metric=metric,
        rows=evaluation.rows,
        challenger=challenger,
        champion=champion,
        gain=gain,
        interval=interval,
        minimum_gain=minimum_gain,
        recent=on_rows(evidence.scores, "data"),
        held_out=held_out,
        latency_ms=latency,
        bias=evidence.treatments,
        promoted=not (not_better or others),
        broken=(*not_better, *others),
        reason=" ".join((figures, *others)),
    )


def _in_words(
    metric: MetricChoice,
    challenger: float,
    champion: float,
    gain: float,
    rows: int,
    interval: Bootstrap | None,
    minimum_gain: float,
) -> str:
    sure = interval.low if interval else gain
    told = f" ({interval.confidence:.0%} sure between {interval.low:+.4f} and {interval.high:+.4f})" if interval else ""
    return (
        f"{metric} {challenger:.4f} against the champion's {champion:.4f} on the same {rows} rows: a gain of "
        f"{gain:+.4f}{told}, {'more' if sure > minimum_gain and gain > minimum_gain else 'not more'} than the "
        f"{minimum_gain:g} asked for."
    )


def _figure(evaluation: Evaluation, model: str, metric: MetricChoice) -> float:
    figures = evaluation.metrics.get(model)
    if figures is None:
        raise DatasetError(f"The evaluation has no figures for the {model}; it has {sorted(evaluation.metrics)}.")
    value = figures.get(metric)
    if value is None or not math.isfinite(value):
        raise DatasetError(
            f"The evaluation gives no finite {metric} for the {model} ({figures}) on {evaluation.rows} rows. AUC needs "
            "both classes among the test rows: give more windows, or another `training.metric`."
        )
    return value
