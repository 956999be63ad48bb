"""Run every due monitor over one window's captures."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from endpointwatch.capture.records import SIDES
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import captured_rows
from endpointwatch.config.endpoint import DataQuality, Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.errors import BaselineError, PlanError
from endpointwatch.jobs.collect import collect
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import BASELINE_PATH, CAPTURE_PATH, OUTPUT_PATH, MonitorPlan
from endpointwatch.monitors.constraints import Constraints
from endpointwatch.monitors.data_quality import Baseline, Findings
from endpointwatch.monitors.registry import MONITORS
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports import files
from endpointwatch.reports.cloudwatch import metrics, write_metrics
from endpointwatch.reports.judgement import Subject, judge
from endpointwatch.states import Table
from endpointwatch.states.file import STATE_FILE, write

_log = logging.getLogger(__name__)


def run(plan: MonitorPlan, container: Container) -> int:
    """Write every monitor's files for the plan's window; the number of violations of all of them.

    Raises:
        PlanError: The plan names a monitor that is not declared.
        CaptureError: The captures cannot be read at all.
        BaselineError: A baseline is there but cannot be read.
    """
    output = container.path(OUTPUT_PATH)
    published: list[dict[str, Any]] = []
    total = 0
    for name in plan.monitors:
        settings = declared(plan.endpoint, name)
        baseline, baseline_id = _baseline(container.path(BASELINE_PATH) / name)
        names = baseline.names if baseline else ()
        tally = Tally()
        batches = _cells(container.path(CAPTURE_PATH), tally, plan.window, sides_of(plan.endpoint, settings))
        state = collect(batches, tally, MONITORS[name].compute, names=names)
        # No baseline, or nothing to hold against it: then nothing is checked, and the verdict says why.
        findings = MONITORS[name].check(state, baseline, settings) if baseline and state.rows else None
        findings = findings if baseline is None or findings else Findings()
        subject = Subject(
            endpoint=plan.endpoint.name,
            monitor=name,
            window=plan.window,
            model_version=plan.model_version,
            baseline_id=baseline_id or plan.baseline_id,
            input_manifest=plan.input_manifest,
        )
        verdict = judge(subject, tally, findings, minimum_rows=settings.minimum_rows)
        folder = output / Layout.window_folder(name, plan.window)
        write_report(folder, state, MONITORS[name].suggest(state, settings), verdict.violations)
        files.write_text(folder / files.VERDICT, verdict.to_json())
        _log.info("%s %s: %s. %s", name, plan.window, verdict.status, verdict.evidence)
        for fault in verdict.set_aside[:10]:
            _log.warning("set aside: %s:%d: %s", fault.file, fault.line, fault.reason)
        total += len(verdict.violations)
        if settings.emit_metrics == "Enabled":
            dimensions = {"Endpoint": plan.endpoint.name, "MonitoringSchedule": f"{plan.endpoint.name}-{name}"}
            published += metrics(state, verdict.distances, at=plan.window.start, dimensions=dimensions)
    write_metrics(container.metrics_file, published)
    return total


def write_report(folder: Path, state: Table, constraints: Constraints, violations: Any = None) -> None:
    """AWS's report files and the state; without ``violations`` (a baseline) there is no file of violations."""
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(folder / files.STATISTICS, files.json_text(statistics(state)))
    files.write_text(folder / files.CONSTRAINTS, files.json_text(constraints.document()))
    if violations is not None:
        files.write_text(folder / files.VIOLATIONS, files.json_text(files.violations_document(violations)))
    write(state, folder / STATE_FILE)


def declared(endpoint: Endpoint, monitor: str) -> DataQuality:
    """The settings of ``monitor`` in the endpoint's YAML.

    Raises:
        PlanError: The endpoint declares no such monitor, or there is none of that name.
    """
    for settings in endpoint.monitors:
        if settings.kind == monitor and monitor in MONITORS:
            return settings
    kinds = [settings.kind for settings in endpoint.monitors]
    raise PlanError(f"The plan asks for the monitor {monitor!r}; endpoint {endpoint.name!r} declares {kinds}.")


def sides_of(endpoint: Endpoint, settings: DataQuality) -> tuple[str, ...]:
    """What a row of the monitor is made of: the model's output before its input, as far as they are captured."""
    wanted = SIDES if settings.include_output else ("input",)
    return tuple(side for side in wanted if side.capitalize() in endpoint.capture.modes)


def read_baseline(constraints: Path, statistics_file: Path | None) -> Baseline:
    """A baseline from its two files, ours or AWS's.

    Raises:
        BaselineError: One of them cannot be read.
    """
    try:
        asked = Constraints.model_validate_json(constraints.read_bytes())
        known = json.loads(statistics_file.read_bytes()) if statistics_file else None
    except (OSError, ValueError) as error:
        raise BaselineError(f"The baseline in {constraints.parent} cannot be read: {error}. Baseline again.") from error
    return Baseline(asked, known)


def _baseline(folder: Path) -> tuple[Baseline | None, str | None]:
    constraints = folder / files.CONSTRAINTS
    if not constraints.is_file():
        return None, None
    about = folder / files.BASELINE
    try:
        identity = json.loads(about.read_bytes())["id"] if about.is_file() else None
    except (ValueError, KeyError, TypeError) as error:
        raise BaselineError(f"{about} cannot be read: {error}. Baseline again.") from error
    return read_baseline(constraints, folder / files.STATISTICS), identity


def _cells(folder: Path, tally: Tally, window: Window, sides: tuple[str, ...]) -> Iterator[tuple[str, pl.DataFrame]]:
    for captured in captured_rows(folder, tally, windows=(window,), sides=sides):
        yield captured.file, captured.frame.select("line", cells=pl.concat_list([pl.col(side) for side in sides]))
