"""The SHAP section of a Clarify job: ``methods.shap`` in, ``explanations.kernel_shap`` and local values out.

Clarify starts a temporary endpoint from ``predictor.model_name``. This analyzer starts none: it loads the model's
artefact, given to the job as an input, or asks the running endpoint that ``predictor.endpoint_name`` names.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jmespath
import numpy as np
import polars as pl
from numpy.typing import NDArray

from endpointwatch.config.attribution import AWS_THRESHOLD, Attribution, ModelSource
from endpointwatch.errors import BudgetError, PlanError
from endpointwatch.jobs.attribution.asking import asked_of
from endpointwatch.jobs.attribution.reference import baseline_rows
from endpointwatch.jobs.clarify.config import AnalysisConfig, Predictor, ShapMethod
from endpointwatch.jobs.clarify.table import DataSet, read
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.models import artefact, live
from endpointwatch.jobs.plan import MODEL_PATH, OUTPUT_PATH
from endpointwatch.metrics.attribution.explanation import Explanation
from endpointwatch.monitors import attribution
from endpointwatch.monitors.attribution import Attributions
from endpointwatch.monitors.findings import Violation
from endpointwatch.reports import attribution as reports

_log = logging.getLogger(__name__)


def explain(config: AnalysisConfig, container: Container) -> dict[str, Any]:
    """``{"explanations": …}`` of the whole data set; local values and the baseline as files below ``output_path``.

    Raises:
        PlanError: The configuration asks for what this version cannot do, or no model is at hand.
        CaptureError: The data set cannot be read.
        ModelError: The model cannot be loaded, asked or explained, or not for all rows.
    """
    shap = config.methods.shap or ShapMethod()
    if shap.features_to_explain is not None:
        raise PlanError("methods.shap.features_to_explain is not done by this version: all features are explained.")
    data = read(config, container)
    rows = data.rows.select(cells=pl.concat_list([pl.col(name).cast(pl.String) for name in data.features]))
    texts = np.array(rows.get_column("cells").to_list(), object)
    settings = _settings(config, shap)
    against = _baseline(config, shap, rows, data, settings)
    explanation = _explained(config, container, data, texts, against, settings)
    headers = tuple(map(str, (config.predictor and config.predictor.label_headers) or ()))
    told = attribution.suggest(explanation, data.features, headers, settings.agg_method)
    output = container.path(container.environment.get("output_path") or OUTPUT_PATH)
    reports.write_baseline_rows(output, data.features, against)
    if shap.save_local_shap_values:
        reports.write_values(output, explanation, told)
    _log.info("%d rows explained by %s", len(texts), explanation.method)
    return {"explanations": told.document()["explanations"]}


def check(document: dict[str, Any], baseline: dict[str, Any]) -> tuple[Violation, ...]:
    """Violations of the explanations in ``document`` against those of an earlier ``analysis.json``.

    Raises:
        BaselineError: The baseline has no explanations, or of other features.
    """
    now = Attributions.read(document, "analysis.json")
    return attribution.check(now, Attributions.read(baseline, "baseline_constraints"), AWS_THRESHOLD).violations


def _settings(config: AnalysisConfig, shap: ShapMethod) -> Attribution:
    endpoint = config.predictor.endpoint_name if config.predictor else None
    return Attribution(
        agg_method=shap.agg_method or "mean_abs",
        use_logit="Enabled" if shap.use_logit else "Disabled",
        num_samples=shap.num_samples,
        seed=shap.seed or 0,
        model=ModelSource(source="endpoint" if endpoint else "artifact"),
    )


def _explained(
    config: AnalysisConfig,
    container: Container,
    data: DataSet,
    texts: NDArray[Any],
    against: NDArray[Any],
    settings: Attribution,
) -> Explanation:
    if settings.model.source == "endpoint" and not container.path(MODEL_PATH).is_dir():
        module = container.environment.get(live.CALLER_KEY) or live.CALLER
        caller = live.connect(_endpoint(config.predictor or Predictor()), None, module)
        explanation = asked_of(live.Live(caller, settings.model, "clarify"), texts, against, settings)
    else:
        if not container.path(MODEL_PATH).is_dir():
            raise PlanError(
                "methods.shap is asked for, but the job has no model. Clarify would start an endpoint from "
                "predictor.model_name; this analyzer does not. Give the job an input with the model's model.tar.gz at "
                f"{MODEL_PATH}, or name a running endpoint that takes text/csv as predictor.endpoint_name."
            )
        with tempfile.TemporaryDirectory() as scratch:
            model = artefact.load(container.path(MODEL_PATH), data.features, Path(scratch))
            explanation = asked_of(model, texts, against, settings)
    if explanation.cut_short:
        raise BudgetError(
            f"{len(explanation.values)} of {len(texts)} rows were explained, then {explanation.cut_short}. Mount the "
            "model's artefact, or lower methods.shap.num_samples."
        )
    return explanation


def _endpoint(predictor: Predictor) -> str:
    if (predictor.content_type or "text/csv") != "text/csv":
        raise PlanError(
            f"predictor.content_type is {predictor.content_type}; a running endpoint is asked in text/csv only. Mount "
            f"the model's model.tar.gz at {MODEL_PATH} instead."
        )
    return str(predictor.endpoint_name)


def _baseline(
    config: AnalysisConfig, shap: ShapMethod, rows: pl.DataFrame, data: DataSet, settings: Attribution
) -> NDArray[Any]:
    """The rows that ``methods.shap.baseline`` gives as texts; without one the data set's mean."""
    given = shap.baseline
    if given is None:
        _log.info("methods.shap has no baseline: rows are held against the data set's mean (most frequent value)")
        return baseline_rows(rows, data.features, settings)
    if isinstance(given, str):
        raise PlanError(
            f"methods.shap.baseline is {given!r}. This job downloads nothing by itself: write the rows into "
            "analysis_config.json, or leave the baseline out to take the data set's mean."
        )
    found = _rows(given, config.features)
    if not found or any(len(row) != len(data.features) for row in found):
        raise PlanError(
            f"methods.shap.baseline must have rows of {len(data.features)} values, one for each of "
            f"{', '.join(data.features)}; it is {str(given)[:200]}."
        )
    return np.array([[None if cell is None else str(cell) for cell in row] for row in found], object)


def _rows(given: Any, path: str | None) -> list[list[Any]]:
    """Rows out of lists (CSV), or out of documents laid out as those of the data set (JSON)."""
    if isinstance(given, dict):
        picked = jmespath.search(path, given) if path else None
        return [list(_cells(row)) for row in picked] if isinstance(picked, list) else []
    picked = [jmespath.search(path, row) if isinstance(row, dict) and path else row for row in given]
    return [list(_cells(row)) for row in picked] if all(isinstance(row, (list, tuple, dict)) for row in picked) else []


def _cells(row: Any) -> Sequence[Any]:
    return list(row.values()) if isinstance(row, dict) else row
