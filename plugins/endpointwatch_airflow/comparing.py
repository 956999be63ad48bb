"""From the files of an evaluating job to the comparison and its reports. Imported only where models are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from endpointwatch.actions.artifacts import (
    BIAS_FILE,
    COMPARISON_FILE,
    QUALITY_CONSTRAINTS_FILE,
    QUALITY_STATISTICS_FILE,
)
from endpointwatch.actions.comparison import CHALLENGER, CHAMPION, Comparison, Evaluation, Treatment
from endpointwatch.actions.promotion import Evidence, compare
from endpointwatch.actions.quality_report import quality_report
from endpointwatch.actions.scores import Scores, latency_ms
from endpointwatch.actions.treatment import measured, report, treatments
from endpointwatch.config.bias import Bias
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.model_quality import ModelQuality
from endpointwatch.config.training import Training
from endpointwatch.reports.files import json_text

#: A file's URI, for texts of errors, and its content; None where there is no such file.
Source = tuple[str, str | None]
_NONE: Final[Mapping[str, float]] = {}


def compared(
    endpoint: Endpoint,
    training: Training,
    *,
    evaluation: tuple[str, str],
    scores: Source,
    latency: Source,
    has_champion: bool,
) -> tuple[Comparison, dict[str, str]]:
    """Who wins, and the texts of the files to keep by their names.

    Raises:
        DatasetError: The files do not decide it.
    """
    table = None if scores[1] is None else Scores.parse(scores[1], source=scores[0])
    recent = table.of("data") if table is not None else None
    reports: dict[str, str] = {}
    limits: dict[str, float] = {str(name): limit for name, limit in training.promotion.bias.items()}
    settings = next((monitor for monitor in endpoint.monitors if isinstance(monitor, Bias)), None)
    treated: tuple[Treatment, ...] = ()
    if recent is not None and recent.rows and settings is not None:
        mine = measured(recent, CHALLENGER, settings, also=limits)
        theirs = measured(recent, CHAMPION, settings, also=limits) if has_champion and recent.has(CHAMPION) else ()
        treated = treatments(mine, theirs, limits, minimum_rows=settings.minimum_group_rows)
        if mine:
            reports[BIAS_FILE] = json_text(report(mine, training.label))
    if recent is not None and recent.rows:
        quality = next((monitor for monitor in endpoint.monitors if isinstance(monitor, ModelQuality)), None)
        statistics, constraints = quality_report(recent, CHALLENGER, quality)
        reports[QUALITY_STATISTICS_FILE] = json_text(statistics)
        reports[QUALITY_CONSTRAINTS_FILE] = json_text(constraints)
    told = _NONE if latency[1] is None else latency_ms(latency[1], source=latency[0])
    comparison = compare(
        Evaluation.parse(evaluation[1], source=evaluation[0]),
        metric=training.metric,
        minimum_gain=training.minimum_gain,
        has_champion=has_champion,
        promotion=training.promotion,
        evidence=Evidence(table, told, treated),
    )
    return comparison, {COMPARISON_FILE: comparison.to_json(), **reports}
