"""Whether a challenger takes the champion's place: both judged on the same rows, by one metric."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from endpointwatch.errors import DatasetError

CHAMPION, CHALLENGER = "champion", "challenger"

Metric = Literal["auc", "accuracy", "f1", "log_loss"]
# Log loss is a cost, the others are merits.
LOWER_IS_BETTER: frozenset[str] = frozenset({"log_loss"})


class Evaluation(BaseModel):
    """``evaluation.json``: every model's metrics on the same labelled rows."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rows: int = Field(ge=1)
    label: str
    metrics: dict[str, dict[str, float]]

    @classmethod
    def parse(cls, text: str | bytes, *, source: str) -> Evaluation:
        """Raises:
        DatasetError: The text is not such a document.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise DatasetError(
                f"{source} is no evaluation: {error}. The image's `evaluate` must write rows, label and metrics."
            ) from error


class Comparison(BaseModel):
    """Who won, by how much, and why, in numbers that go into the registry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Metric
    rows: int
    challenger: float
    champion: float | None = Field(None, description="None when there was no champion.")
    gain: float | None = Field(None, description="How much better the challenger is; above 0 is better for any metric.")
    minimum_gain: float
    promoted: bool
    reason: str


def compare(evaluation: Evaluation, *, metric: Metric, minimum_gain: float, has_champion: bool) -> Comparison:
    """Whether the challenger is promoted.

    Args:
        evaluation: Metrics of ``challenger`` and, unless it is the first version, ``champion``.
        metric: The one that counts; in the metric's own unit.
        minimum_gain: The challenger must be better by *more* than this, so a tie keeps the champion.
        has_champion: Said by the caller, not guessed from the evaluation: a champion whose figures are missing must
            never make the challenger win unopposed.

    Raises:
        DatasetError: A figure is missing or not a number (AUC is undefined when all labels are equal).
    """
    challenger = _figure(evaluation, CHALLENGER, metric)
    if not has_champion:
        return Comparison(
            metric=metric,
            rows=evaluation.rows,
            challenger=challenger,
            minimum_gain=minimum_gain,
            promoted=True,
            reason=f"First version: {metric} {challenger:.4f} on {evaluation.rows} rows, no champion to beat.",
        )
    champion = _figure(evaluation, CHAMPION, metric)
    gain = champion - challenger if metric in LOWER_IS_BETTER else challenger - champion
    promoted = gain > minimum_gain
    return Comparison(
        metric=metric,
        rows=evaluation.rows,
        challenger=challenger,
        champion=champion,
        gain=gain,
        minimum_gain=minimum_gain,
        promoted=promoted,
        reason=(
            f"{metric} {challenger:.4f} against the champion's {champion:.4f} on the same {evaluation.rows} rows: "
            f"a gain of {gain:+.4f}, {'more' if promoted else 'not more'} than the {minimum_gain:g} asked for."
        ),
    )


def _figure(evaluation: Evaluation, model: str, metric: Metric) -> float:
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
