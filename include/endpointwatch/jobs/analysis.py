"""One analysis under Model Monitor's own environment contract: a baseline, or a check against one.

This is how the SageMaker SDK's ``DefaultModelMonitor`` and AWS's monitoring schedules start the analyzer's image.
Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from endpointwatch.capture.files import SUFFIXES
from endpointwatch.capture.files import files as files_in
from endpointwatch.capture.objects import json_rows, parquet_rows
from endpointwatch.capture.tables import fitted, table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.config.data_quality import DataQuality, DistributionConstraints
from endpointwatch.config.window import Window
from endpointwatch.errors import CaptureError, PlanError
from endpointwatch.jobs.collect import Batch, collect
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.excluded import KEY as EXCLUDED_KEY
from endpointwatch.jobs.excluded import excluded, without
from endpointwatch.jobs.one_sided import of_captures
from endpointwatch.jobs.scripts import Preprocessor, exported, postprocess
from endpointwatch.jobs.tables import read_baseline, write_report
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.constraints import Constraints, FeatureConstraints
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.findings import Findings
from endpointwatch.monitors.statistics import known
from endpointwatch.reports.cloudwatch import metrics, write_metrics
from endpointwatch.states import Table

_CAPTURES = ("sagemakerCaptureJson", "sagemakerMergeJson")
_SIDES = {"endpointOutput": "output", "endpointInput": "input"}
_log = logging.getLogger(__name__)


def run(container: Container) -> int:
    """Write the report of one data-quality analysis below ``output_path``; the number of violations.

    Raises:
        PlanError: The environment asks for something that is not there or cannot be done.
        CaptureError: The data cannot be read at all, or there is none.
        BaselineError: The baseline's files cannot be read.
    """
    environment = container.environment
    source, output = (
        container.path(container.require("dataset_source")),
        container.path(container.require("output_path")),
    )
    form = dataset_format(container.require("dataset_format"))
    settings = _settings(container)
    strict = settings.aws_compatible == "Enabled"
    baseline, inside = _baseline(container), windows(container)
    tally = Tally()
    names: list[str] = []
    script = environment.get("record_preprocessor_script")
    with exported(environment):
        learnt = baseline.names if baseline else ()
        if script:
            batches = _preprocessed(Preprocessor(container.path(script)), form, source, tally, inside)
            state = collect(batches, tally, data_quality.compute, names=learnt, strict=strict)
        elif form.keys() & set(_CAPTURES):
            require_captures(source)
            state, tally = of_captures(source, _reading(form, inside, settings), learnt)
        else:
            cells = _cells(form, source, tally, names, strict=strict)
            state = collect(cells, tally, data_quality.compute, names=learnt, strict=strict)
    if names:
        state = _named(state, tuple(names))
    elif not baseline and (script or ("json" in form and strict)):
        # A script's columns stand in the lexicographic order of their keys, as on AWS. Spark reads all JSON so.
        state = state.selected(tuple(sorted(state.names)))
    rows = tally.rows()
    _log.info("rows read %d, analysed %d, set aside %d", rows.read, rows.analysed, rows.set_aside)
    for fault in tally.listed[:10]:
        _log.warning("set aside: %s:%d: %s", fault.file, fault.line, fault.reason)
    if not state.rows:
        raise CaptureError(
            f"No row could be analysed: {rows.read} read, {rows.set_aside} set aside, {rows.outside_window} outside "
            f"the window, {rows.skipped} skipped.{first_set_aside(tally)} Check dataset_format, start_time and "
            "end_time."
        )
    if told := environment.get(EXCLUDED_KEY):
        left_out = excluded(told, state)
        state, settings = (
            without(state, left_out, baseline.names if baseline else ()),
            settings.model_copy(update={"excluded_columns": left_out}),
        )
    findings = data_quality.check(state, baseline, settings) if baseline else Findings()
    write_report(output, state, settings, findings.violations if baseline else None)
    if environment.get("publish_cloudwatch_metrics") == "Enabled" and settings.emit_metrics == "Enabled":
        at, dimensions = published(container)
        write_metrics(container.metrics_file, metrics(state, findings.distances, at=at, dimensions=dimensions))
    if after := environment.get("post_analytics_processor_script"):
        with exported(environment):
            postprocess(container.path(after))
    return len(findings.violations)


def require_captures(source: Path) -> None:
    """Raise the error of AWS's analyzer, word for word, where no captured file is."""
    if not files_in(source, SUFFIXES):
        raise CaptureError(
            f"Could not find any json file under directory {source}. Please verify if the provided dataset path is "
            "correct or if data capturing in your Endpoint is turned on."
        )


def first_set_aside(tally: Tally) -> str:
    """The first row that was set aside, as a sentence; empty without any."""
    return "".join(
        f" First set aside: {fault.file}:{fault.line}: {fault.reason.rstrip('.')}." for fault in tally.listed[:1]
    )


def dataset_format(text: str) -> dict[str, Any]:
    """The environment's ``dataset_format``: one name, and its options."""
    try:
        form = json.loads(text)
        (name,) = form
        return {name: form[name] or {}}
    except (ValueError, TypeError) as error:
        raise PlanError(
            f'dataset_format is {text!r}; it must be one of {{"csv": …}}, {{"sagemakerCaptureJson": …}}, … as JSON.'
        ) from error


def _settings(container: Container) -> DataQuality:
    environment = container.environment
    try:
        return DataQuality.model_validate(
            {
                "aws_compatible": environment.get("aws_compatible") or "Disabled",
                "distribution_constraints": DistributionConstraints.model_validate(
                    {"categorical_drift_method": environment.get("categorical_drift_method") or "LInfinity"}
                ),
                "json_payloads": _json_payloads(container),
            }
        )
    except ValidationError as error:
        raise PlanError(
            f"aws_compatible, categorical_drift_method or json_payloads in the environment is wrong: {error}"
        ) from error


def _json_payloads(container: Container) -> Any:
    """The value of ``json_payloads``: JSON, or the path of a file with it, since values have at most 256 characters."""
    text = container.environment.get("json_payloads") or "{}"
    try:
        if not text.lstrip().startswith("{"):
            text = container.path(text).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError) as error:
        raise PlanError(
            f'json_payloads in the environment is {text!r}; it must be JSON, as {{"input_rows": "instances"}}, or the '
            f"path of a file that holds it ({error})."
        ) from error


def _baseline(container: Container) -> Baseline | None:
    constraints = container.environment.get("baseline_constraints")
    statistics = container.environment.get("baseline_statistics")
    statistics_file = container.path(statistics) if statistics else None
    if constraints:
        return read_baseline(container.path(constraints), statistics_file)
    if statistics_file is None:
        return None
    # Statistics alone ask for nothing but that the distributions stay as they were.
    try:
        document = json.loads(statistics_file.read_bytes())
        features = tuple(FeatureConstraints(name=column.name) for column in known(document))
    except (OSError, ValueError) as error:
        raise PlanError(f"baseline_statistics points to {statistics_file}, which cannot be read: {error}") from error
    return Baseline(Constraints(features=features), document)


def windows(container: Container) -> tuple[Window, ...]:
    """The window between ``start_time`` and ``end_time``; () where the environment has neither."""
    start, end = container.environment.get("start_time"), container.environment.get("end_time")
    if not start and not end:
        return ()
    if not start or not end:
        raise PlanError("start_time and end_time must both be set, or neither.")
    try:
        return (Window.of(datetime.fromisoformat(start), datetime.fromisoformat(end)),)
    except ValueError as error:
        raise PlanError(f"start_time {start!r} or end_time {end!r} is no time: {error}") from error


def _reading(form: dict[str, Any], windows: tuple[Window, ...], settings: DataQuality) -> Reading:
    (options,) = form.values()
    return Reading(windows, _sides(options), settings.json_payloads, settings.aws_compatible == "Enabled")


def _cells(form: dict[str, Any], source: Path, tally: Tally, names: list[str], *, strict: bool) -> Iterator[Batch]:
    (name, options), *_ = form.items()
    if name == "csv":
        _sides(options)
        tables = table_rows(source, tally, header=is_true(options.get("header", False)))
        for table in fitted(tables) if strict else tables:
            names[:] = table.names or ()
            yield Batch(table.file, table.frame)
    elif name == "json":
        for table in json_rows(source, tally, lines=by_lines(options)):
            yield Batch(table.file, table.frame, table.names)
    elif name == "parquet":
        for table in parquet_rows(source, tally):
            yield Batch(table.file, table.frame, table.names)
    else:
        raise PlanError(f"dataset_format {name!r} is not known; use one of csv, json, parquet, {', '.join(_CAPTURES)}.")


def _preprocessed(
    script: Preprocessor, form: dict[str, Any], source: Path, tally: Tally, windows: tuple[Window, ...]
) -> Iterator[Batch]:
    (name, options), *_ = form.items()
    if name in _CAPTURES:
        yield from script.captured(source, tally, windows)
    elif name == "csv":
        yield from script.data_set(source, tally, objects=False, header=is_true(options.get("header", False)))
    elif name == "json" and by_lines(options):
        yield from script.data_set(source, tally, objects=True)
    else:
        raise PlanError(
            f"record_preprocessor_script is set, but dataset_format is {form}; a script is given the records of csv, "
            f"json lines, {' or '.join(_CAPTURES)} only."
        )


def by_lines(options: dict[str, Any]) -> bool:
    """Whether JSON is one object a line."""
    # AWS's own clients spell the key in three ways.
    return any(is_true(options.get(key, False)) for key in ("lines", "line", "Line"))


def _sides(options: dict[str, Any]) -> tuple[str, ...]:
    """What a captured row is made of, in order: the output's columns first unless ``END`` is asked for."""
    position = options.get("output_columns_position") or "START"
    if position not in ("START", "END"):
        raise PlanError(f"output_columns_position is {position!r}; it must be START or END.")
    wanted = options.get("captureIndexNames") or list(_SIDES)
    if unknown := [key for key in wanted if key not in _SIDES]:
        raise PlanError(
            f"captureIndexNames has {unknown}, which data quality is not analysed on; it must name endpointInput, "
            "endpointOutput or both."
        )
    sides = tuple(side for key, side in _SIDES.items() if key in wanted)
    return sides if position == "START" else sides[::-1]


def is_true(value: object) -> bool:
    """Whether an option is set, as JSON's ``true`` or as a word."""
    return str(value).lower() == "true"


def _named(state: Table, names: tuple[str, ...]) -> Table:
    if state.rows and len(names) != len(state.names):
        raise CaptureError(
            f"The header has {len(names)} names, but most rows have {len(state.names)} cells. Mend the file."
        )
    return state.renamed(names) if state.rows else state


def published(container: Container) -> tuple[datetime, dict[str, str]]:
    """Time and dimensions of the analysis's CloudWatch metrics."""
    environment = container.environment
    at = environment.get("metric_time") or environment.get("start_time")
    if not at:
        raise PlanError("publish_cloudwatch_metrics is Enabled, but neither metric_time nor start_time says for when.")
    dimensions = {
        name: environment[key]
        for name, key in (
            ("Endpoint", "sagemaker_endpoint_name"),
            ("MonitoringSchedule", "sagemaker_monitoring_schedule_name"),
        )
        if environment.get(key)
    }
    return datetime.fromisoformat(at), dimensions
