"""Figures of a comparison that rest on the rows' scores: all metrics, and how sure a gain is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.actions.scores import Scores, SetName
from endpointwatch.config.training import MetricChoice, Promotion
from endpointwatch.errors import DatasetError
from endpointwatch.metrics import paired

CHAMPION, CHALLENGER = "champion", "challenger"


class Figures(BaseModel):
    """Numbers that are kept with a decision."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bootstrap(Figures):
    """The interval of the gain, and how it was drawn."""

    low: float
    high: float
    confidence: float
    resamples: int
    seed: int
    method: str = "paired percentile bootstrap over rows"


class OnRows(Figures):
    """Both models on one set of rows, by every metric that is defined there."""

    rows: int
    challenger: dict[str, float]
    champion: dict[str, float] = Field(default_factory=dict)


class Latency(Figures):
    """Median time to score one row, in ms."""

    challenger: float | None = None
    champion: float | None = None


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
