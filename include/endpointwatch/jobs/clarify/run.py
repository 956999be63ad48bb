"""Clarify's processing job: ``analysis_config.json`` and a data set in, ``analysis.json`` and a report out.

With ``baseline_constraints`` in the environment (an earlier ``analysis.json``) it is a monitoring execution, and writes
``constraint_violations.json`` too. Contract:
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-parameters.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from endpointwatch.config.bias import Bias
from endpointwatch.config.section import Switch
from endpointwatch.errors import BaselineError, PlanError
from endpointwatch.jobs.clarify import bias as bias_job
from endpointwatch.jobs.clarify import config as configuration
from endpointwatch.jobs.clarify.answers import answered
from endpointwatch.jobs.clarify.config import CONFIG_FILE, CONFIG_PATH, AnalysisConfig
from endpointwatch.jobs.clarify.table import read
from endpointwatch.jobs.container import Container
from endpointwatch.monitors import bias
from endpointwatch.monitors.analysis_document import measured
from endpointwatch.monitors.findings import Violation
from endpointwatch.reports import bias_page, files
from endpointwatch.states import outcomes

#: What AWS's container says when all went well.
COMPLETED = "Completed: SageMaker XAI Analyzer ran successfully"
OUTPUT_PATH = "/opt/ml/processing/output"
VERSION = "1.0"
_log = logging.getLogger(__name__)


def run(container: Container) -> int:
    """Write the analysis that ``analysis_config.json`` asks for; the number of violations.

    Raises:
        PlanError: The configuration asks for what this version cannot do, or for what is not there.
        CaptureError: The data set cannot be read.
        BaselineError: The baseline cannot be read.
    """
    config = configuration.read(container.path(CONFIG_PATH) / CONFIG_FILE)
    if config.unsupported:
        raise PlanError(
            f"analysis_config.json asks for {', '.join(config.unsupported)}, which this version does not do. Take it "
            "out, or run it as a job of its own on AWS."
        )
    if not config.methods.asked and not bias_job.asked(config):
        raise PlanError(
            'analysis_config.json asks for no method. Name one under `methods`, as {"post_training_bias": '
            '{"methods": "all"}}.'
        )
    baseline = _baseline(container)
    output = container.path(container.environment.get("output_path") or OUTPUT_PATH)
    document: dict[str, Any] = {"version": VERSION}
    violations: tuple[Violation, ...] = ()
    if config.methods.shap is not None:
        # Imported where it is asked for: the libraries that explain models are heavy.
        from endpointwatch.jobs.clarify import explanations  # noqa: PLC0415

        document |= explanations.explain(config, container)
        if baseline is not None and "explanations" in baseline:
            violations = explanations.check(document, baseline)
    if bias_job.asked(config):
        told, found = _bias(config, container, output, baseline)
        document |= told
        violations += found
    files.write_text(output / files.ANALYSIS, files.clarify_text(document))
    if baseline is not None:
        files.write_text(output / files.VIOLATIONS, files.clarify_text(files.clarify_violations(violations)))
    return len(violations)


def _bias(
    config: AnalysisConfig, container: Container, output: Path, baseline: Mapping[str, Any] | None
) -> tuple[dict[str, Any], tuple[Violation, ...]]:
    """The bias part of the document, and what breaks the baseline; its state and the page to read are written."""
    aws: Switch = "Enabled" if container.environment.get("aws_compatible") == "Enabled" else "Disabled"
    bias_job.require_parts(config)
    data = read(config, container)
    if data.predicted is None and "post_training" in bias_job.asked(config):
        config, data = answered(config, data, container)
    _log.info("%d rows, %d features", data.rows.height, len(data.features))
    analysed = bias_job.analyse(config, data, aws_compatible=aws)
    output.mkdir(parents=True, exist_ok=True)
    outcomes.write(analysed.state, output / outcomes.OUTCOMES_FILE)
    found = None
    if baseline is not None:
        # In monitoring the labels' own bias is no news about the model; it counts where nothing else was asked for.
        last = [one for one in analysed.measured if one.metric.stage == "post_training"] or analysed.measured
        settings = Bias(sensitive_features=("any",), minimum_group_rows=1, aws_compatible=aws)
        found = bias.check(last, measured(baseline), settings)
    title = (config.methods.report or configuration.ReportMethod()).title
    files.write_text(output / files.REPORT, bias_page.page(title, analysed.measured, found))
    return analysed.document, found.violations if found else ()


def _baseline(container: Container) -> Any:
    told = container.environment.get("baseline_constraints")
    if not told:
        return None
    path = container.path(told)
    try:
        document = json.loads(path.read_bytes())
        list(measured(document))
    except (OSError, ValueError) as error:
        raise BaselineError(f"baseline_constraints points to {path}, which cannot be read: {error}.") from error
    return document
