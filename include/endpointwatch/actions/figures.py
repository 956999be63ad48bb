"""Figures of a comparison that rest on the rows' scores: all metrics, and how sure a gain is."""

from __future__ import annotations

from endpointwatch.actions.comparison import CHALLENGER, CHAMPION, Bootstrap, OnRows
from endpointwatch.actions.scores import Scores, SetName
from endpointwatch.config.training import MetricChoice, Promotion
from endpointwatch.errors import DatasetError
from endpointwatch.metrics import paired


def interval(scores: Scores | None, metric: MetricChoice, promotion: Promotion) -> Bootstrap | None:
    """How sure the challenger's gain on the recent rows is; None when only the figures are to be compared.

    Raises:
        DatasetError: The rows do not tell.
    """
    if promotion.confidence is None:
        return None
    recent = scores.of("data") if scores else None
    if recent is None or not recent.rows or not recent.has(CHALLENGER, CHAMPION):
        raise DatasetError(
            "How sure the gain is cannot be told: the image's `evaluate` wrote no scores.csv with both models. Write "
            "it, or set `training.promotion.confidence: null` to compare the figures alone."
        )
    found = paired.gain_interval(
        metric,
        recent.truth,
        recent.score(CHALLENGER),
        recent.score(CHAMPION),
        confidence=promotion.confidence,
        resamples=promotion.resamples,
        seed=promotion.seed,
    )
    if found is None:
        raise DatasetError(
            f"How sure the gain is cannot be told: among {recent.rows} rows one class is so rare that {metric} is "
            "often undefined when they are drawn again. Give more windows, or another `training.metric`."
        )
    return Bootstrap(
        low=found.low,
        high=found.high,
        confidence=promotion.confidence,
        resamples=promotion.resamples,
        seed=promotion.seed,
    )


def on_rows(scores: Scores | None, rows: SetName) -> OnRows | None:
    """Both models' metrics on one set of rows; None where there are none."""
    mine = scores.of(rows) if scores else None
    if mine is None or not mine.rows:
        return None
    told = {
        model: {
            name: value
            for name in paired.METRICS
            if (value := paired.measure(name, mine.truth, mine.score(model))) is not None
        }
        for model in (CHALLENGER, CHAMPION)
        if mine.has(model)
    }
    return OnRows(rows=mine.rows, challenger=told.get(CHALLENGER, {}), champion=told.get(CHAMPION, {}))
