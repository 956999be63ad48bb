"""Run every due monitor over one window's captures."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from endpointwatch.config.endpoint import Endpoint, Monitor
from endpointwatch.config.layout import Layout
from endpointwatch.errors import PlanError
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.labels import window_labels
from endpointwatch.jobs.monitors import model_quality
from endpointwatch.jobs.monitors.duty import Duty
from endpointwatch.jobs.monitors.registry import JOBS
from endpointwatch.jobs.plan import MonitorPlan
from endpointwatch.reports import files
from endpointwatch.reports.cloudwatch import write_metrics

_log = logging.getLogger(__name__)


def run(plan: MonitorPlan, container: Container) -> int:
    """Write every monitor's files for the plan's window; the number of violations of all of them.

    Raises:
        PlanError: The plan names a monitor that is not declared.
        CaptureError: The captures cannot be read at all.
        BaselineError: A baseline is there but cannot be read.
    """
    published: list[Mapping[str, Any]] = []
    total = 0
    due = {name: declared(plan.endpoint, name) for name in plan.monitors}
    quality = due.get(model_quality.NAME)
    answered = model_quality.watch(Duty(plan, quality, container)) if quality is not None else None
    labels = window_labels(plan, container, answered) if any(needs_labels(name) for name in due) else None
    # In the registry's order: attribution's advice reads data quality's verdict on the same window.
    for name in (name for name in JOBS if name in due):
        settings = due[name]
        duty = Duty(plan, settings, container, labels if needs_labels(name) else None, answered)
        judged = JOBS[name].judge(duty)
        verdict = judged.verdict
        if verdict.labels_final is not None:
            text = verdict.to_json()
            files.write_text(duty.folder / Layout.judgement_file(text), text)
        _log.info("%s %s: %s. %s", name, plan.window, verdict.status, verdict.evidence)
        for fault in verdict.set_aside[:10]:
            _log.warning("set aside: %s:%d: %s", fault.file, fault.line, fault.reason)
        total += len(verdict.violations) + verdict.segment_violations
        published += judged.metrics
    write_metrics(container.metrics_file, published)
    return total


def needs_labels(monitor: str) -> bool:
    """Whether the monitor's module asks for the window's merged records."""
    return bool(getattr(JOBS[monitor], "NEEDS_LABELS", False))


def declared(endpoint: Endpoint, monitor: str) -> Monitor:
    """The settings of ``monitor`` in the endpoint's YAML.

    Raises:
        PlanError: The endpoint declares no such monitor, or there is none of that name.
    """
    for settings in endpoint.monitors:
        if settings.kind == monitor and monitor in JOBS:
            return settings
    kinds = [settings.kind for settings in endpoint.monitors]
    raise PlanError(f"The plan asks for the monitor {monitor!r}; endpoint {endpoint.name!r} declares {kinds}.")
