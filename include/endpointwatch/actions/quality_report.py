"""A model's quality on the evaluated rows, as the model-quality monitor writes it: statistics and constraints."""

from __future__ import annotations

from typing import Any

import polars as pl

from endpointwatch.actions.scores import Scores
from endpointwatch.config.model_quality import BINARY, ModelQuality
from endpointwatch.monitors.model_quality import compute, suggested
from endpointwatch.monitors.performance import performance

_DEFAULT = ModelQuality(problem_type=BINARY, probability_attribute="0")


def quality_report(
    scores: Scores, model: str, settings: ModelQuality | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``statistics.json`` and ``constraints.json`` of a model's scores, in Model Monitor's schema.

    Args:
        scores: At least one row.
        model: The column of its scores.
        settings: The endpoint's model-quality monitor, if it has one; where that is about other classes than 0 and 1,
            its defaults are taken.
    """
    known = settings is not None and settings.problem_type == BINARY and set(settings.classes) <= {"0", "1"}
    asked = settings if settings is not None and known else _DEFAULT
    positive = pl.col(model) > asked.probability_threshold_attribute
    rows = scores.frame.select(
        actual=pl.when(pl.col("label") == 1).then(pl.lit("1")).otherwise(pl.lit("0")),
        predicted=pl.when(positive).then(pl.lit("1")).otherwise(pl.lit("0")),
        score=pl.col(model),
    )
    (batch,) = rows.to_arrow().combine_chunks().to_batches()
    measured = performance(compute(batch), asked)
    return measured.document(), suggested(measured).document()
