"""One monitor's part of a job, and what it hands back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from endpointwatch.capture.accounting import Rows
from endpointwatch.config.endpoint import Endpoint, Monitor
from endpointwatch.config.layout import Layout
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import BASELINE_PATH, CAPTURE_PATH, DATASET_PATH, OUTPUT_PATH, BaselinePlan, MonitorPlan
from endpointwatch.reports import files
from endpointwatch.reports.judgement import Subject
from endpointwatch.reports.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Duty:
    """Judge the plan's window with one monitor.

    Attributes:
        plan: The job's.
        settings: The monitor's part of the endpoint's YAML.
        container: Where everything lies.
    """

    plan: MonitorPlan
    settings: Monitor
    container: Container

    @property
    def endpoint(self) -> Endpoint:
        return self.plan.endpoint

    @property
    def captures(self) -> Path:
        return self.container.path(CAPTURE_PATH)

    @property
    def baseline(self) -> Path:
        """The folder of the monitor's baseline; it is not there when none was learnt."""
        return self.container.path(BASELINE_PATH) / self.settings.kind

    @property
    def folder(self) -> Path:
        """Where the window's files go."""
        return self.container.path(OUTPUT_PATH) / Layout.window_folder(self.settings.kind, self.plan.window)

    @property
    def dimensions(self) -> dict[str, str]:
        """Of the CloudWatch metrics, as AWS's monitoring schedules publish them."""
        return {"Endpoint": self.endpoint.name, "MonitoringSchedule": f"{self.endpoint.name}-{self.settings.kind}"}

    def subject(self) -> Subject:
        """What the verdict is about.

        Raises:
            BaselineError: ``baseline.json`` is there but cannot be read.
        """
        return Subject(
            endpoint=self.endpoint.name,
            monitor=self.settings.kind,
            window=self.plan.window,
            model_version=self.plan.model_version,
            baseline_id=baseline_id(self.baseline) or self.plan.baseline_id,
            input_manifest=self.plan.input_manifest,
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict, already written into ``Duty.folder`` with the monitor's other files, and metrics to publish."""

    verdict: Verdict
    metrics: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """Learn one monitor's baseline from the plan's data set."""

    plan: BaselinePlan
    settings: Monitor
    container: Container

    @property
    def endpoint(self) -> Endpoint:
        return self.plan.endpoint

    @property
    def dataset(self) -> Path:
        return self.container.path(DATASET_PATH)

    @property
    def folder(self) -> Path:
        """Where the baseline's files go."""
        return self.container.path(OUTPUT_PATH) / self.settings.kind


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a baseline rests on.

    Attributes:
        rows: What became of the data set's rows.
        columns: The columns it is about.
        files: Those in ``Lesson.folder`` that windows are held against; their bytes give the baseline's id.
    """

    rows: Rows
    columns: tuple[str, ...]
    files: tuple[str, ...]


class MonitorJob(Protocol):
    """A module of this package, as the registry holds it."""

    NAME: str
    judge: Callable[[Duty], Judged]
    learn: Callable[[Lesson], Learnt]


def baseline_id(folder: Path) -> str | None:
    """The id that ``baseline.json`` in ``folder`` gives; None where there is no such file.

    Raises:
        BaselineError: It cannot be read.
    """
    about = folder / files.BASELINE
    try:
        return str(json.loads(about.read_bytes())["id"]) if about.is_file() else None
    except (ValueError, KeyError, TypeError) as error:
        raise BaselineError(f"{about} cannot be read: {error}. Baseline again.") from error
