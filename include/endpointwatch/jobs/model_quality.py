"""One model-quality analysis under Model Monitor's own environment contract: a baseline, or a check against one.

This is how the SageMaker SDK's ``ModelQualityMonitor`` and AWS's model-quality schedules start the analyzer's image.
Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from endpointwatch.capture.objects import json_rows, parquet_rows
from endpointwatch.capture.tables import table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.config.model_quality import BINARY, ModelQuality
from endpointwatch.config.window import Window
from endpointwatch.errors import CaptureError, PlanError
from endpointwatch.jobs import analysis
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.predictions import Columns, Texts, captured, collected, data_set
from endpointwatch.jobs.quality_files import read_baseline, write_report
from endpointwatch.jobs.scripts import exported, postprocess
from endpointwatch.monitors.findings import Findings
from endpointwatch.monitors.model_quality import checked
from endpointwatch.monitors.performance import performance
from endpointwatch.monitors.predictions import Reader
from endpointwatch.reports.cloudwatch import write_metrics
from endpointwatch.reports.quality_metrics import metrics

_SAME_KEYS = ("problem_type", "inference_attribute", "probability_attribute", "ground_truth_attribute")
_log = logging.getLogger(__name__)


def run(container: Container) -> int:
    """Write the report of one model-quality analysis below ``output_path``; the number of violations.

    Raises:
        PlanError: The environment asks for something that is not there or cannot be done.
        CaptureError: The data cannot be read at all, or no row of it can be judged.
        BaselineError: The baseline's files cannot be read, or the data set lacks a column.
    """
    environment = container.environment
    source, output = (
        container.path(container.require("dataset_source")),
        container.path(container.require("output_path")),
    )
    if environment.get("record_preprocessor_script"):
        raise PlanError("record_preprocessor_script is set; this version runs it for data quality only.")
    form = analysis.dataset_format(container.require("dataset_format"))
    settings = _settings(container)
    paths = [environment.get(key) for key in ("baseline_constraints", "baseline_statistics")]
    constraints, statistics = (container.path(path) if path else None for path in paths)
    baseline = read_baseline(constraints, statistics, settings)
    windows = analysis.windows(container)
    tally = Tally()
    state = collected(_texts(form, source, tally, settings, windows), Reader(settings, baseline.classes), tally)
    rows = tally.rows()
    _log.info("rows read %d, analysed %d, set aside %d", rows.read, rows.analysed, rows.set_aside)
    for fault in tally.listed[:10]:
        _log.warning("set aside: %s:%d: %s", fault.file, fault.line, fault.reason)
    if state is None or not state.rows:
        raise CaptureError(
            f"No row could be judged: {rows.read} read, {rows.set_aside} set aside, {rows.outside_window} outside the "
            f"window, {rows.skipped} skipped.{analysis.first_set_aside(tally)} Check dataset_format, the attributes, "
            "start_time and end_time."
        )
    measured = performance(state, settings)
    findings = checked(measured, baseline.constraints, settings) if baseline.constraints else Findings()
    write_report(output, measured, findings.violations if baseline.constraints else None, _times(windows))
    if environment.get("publish_cloudwatch_metrics") == "Enabled":
        at, dimensions = analysis.published(container)
        write_metrics(container.metrics_file, metrics(measured, at=at, dimensions=dimensions))
    if after := environment.get("post_analytics_processor_script"):
        with exported(environment):
            postprocess(container.path(after))
    return len(findings.violations)


def _settings(container: Container) -> ModelQuality:
    environment = container.environment
    told: dict[str, Any] = {key: environment[key] for key in _SAME_KEYS if environment.get(key)}
    if told.get("problem_type") != BINARY and "inference_attribute" in told and "probability_attribute" in told:
        # AWS's clients pass it on for every problem type; only the metrics of two classes make use of it.
        _log.info(
            "probability_attribute %r is not needed: inference_attribute tells", told.pop("probability_attribute")
        )
    if threshold := environment.get("probability_threshold_attribute"):
        told["probability_threshold_attribute"] = threshold
    if positive := environment.get("positive_label"):
        told["positive_class"] = positive
    if classes := environment.get("classes"):
        told["classes"] = [name.strip() for name in classes.split(",")]
    told["aws_compatible"] = environment.get("aws_compatible") or "Disabled"
    try:
        return ModelQuality.model_validate(told)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the environment'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise PlanError(f"The environment of a model-quality analysis is wrong: {faults}.") from error


def _texts(
    form: dict[str, Any], source: Path, tally: Tally, settings: ModelQuality, windows: tuple[Window, ...]
) -> Iterator[Texts]:
    (name, options), *_ = form.items()
    if name == "sagemakerMergeJson":
        analysis.require_captures(source)
        return captured(source, tally, settings, windows, labelled=True)
    if name == "csv":
        tables = table_rows(source, tally, header=analysis.is_true(options.get("header", False)))
    elif name == "json":
        tables = json_rows(source, tally, lines=analysis.by_lines(options))
    elif name == "parquet":
        tables = parquet_rows(source, tally)
    else:
        raise PlanError(
            f"dataset_format {name!r} has no labels; use csv, json, parquet, or sagemakerMergeJson for merged records."
        )
    return data_set(tables, tally, Columns.of(settings))


def _times(windows: tuple[Window, ...]) -> dict[str, str]:
    return {
        key: f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        for window in windows[:1]
        for key, moment in (("start_time", window.start), ("end_time", window.end))
    }
