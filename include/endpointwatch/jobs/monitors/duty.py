"""One monitor's part of a job, and what it hands back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from endpointwatch.capture.accounting import Rows
from endpointwatch.config.endpoint import Endpoint, Monitor
from endpointwatch.config.layout import MERGE, RECORDS, Layout
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.answered import Answered
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import (
    BASELINE_PATH,
    CAPTURE_PATH,
    DATASET_PATH,
    HELD_OUT_PATH,
    OUTPUT_PATH,
    BaselinePlan,
    MonitorPlan,
)
from endpointwatch.reports import files
from endpointwatch.reports.judgement import Subject
from endpointwatch.reports.labels import WindowLabels
from endpointwatch.reports.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Duty:
    """Judge the plan's window with one monitor.

    Attributes:
        plan: The job's.
        settings: The monitor's part of the endpoint's YAML.
        container: Where everything lies.
        labels: What is known about the window's labels; None where no ground truth is configured, or no due monitor
            needs any.
        answered: Has watched the merge of these labels, for the monitor of model quality; or None.
    """

    plan: MonitorPlan
    settings: Monitor
    container: Container
    labels: WindowLabels | None = None
    answered: Answered | None = None

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
    def merged(self) -> Path | None:
        """The folder with the window's merged records (AWS's schema, JSON Lines); None where there are no labels."""
        return merge_folder(self.plan, self.container) / RECORDS if self.labels is not None else None

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
    """Learn one monitor's baseline from a data set of the plan's.

    Attributes:
        plan: The job's.
        settings: The monitor's part of the endpoint's YAML.
        container: Where everything lies.
        labelled: The monitor needs labels: it learns from the held-out rows, where they are given.
    """

    plan: BaselinePlan
    settings: Monitor
    container: Container
    labelled: bool = False

    @property
    def endpoint(self) -> Endpoint:
        return self.plan.endpoint

    @property
    def dataset(self) -> Path:
        held_out = self.labelled and self.plan.held_out_dataset_uri
        return self.container.path(HELD_OUT_PATH if held_out else DATASET_PATH)

    @property
    def dataset_uri(self) -> str:
        return (self.plan.held_out_dataset_uri if self.labelled else None) or self.plan.dataset_uri

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
    """A module of this package, as the registry holds it; one that needs labels also has ``NEEDS_LABELS = True``."""

    NAME: str
    judge: Callable[[Duty], Judged]
    learn: Callable[[Lesson], Learnt]


def merge_folder(plan: MonitorPlan, container: Container) -> Path:
    """Where the merge's counts go, and below it in ``records`` the window's merged records."""
    return container.path(OUTPUT_PATH) / Layout.window_folder(MERGE, plan.window)


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
