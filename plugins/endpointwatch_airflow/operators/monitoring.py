"""Judge a window: one processing job runs every due monitor over the window's captures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from pydantic import ValidationError

from endpointwatch.actions.alarm_requests import monitor_dimensions
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.jobs.plan import (
    BASELINE_PATH,
    CAPTURE_PATH,
    GROUND_TRUTH_PATH,
    OUTPUT_PATH,
    STATES_PATH,
    MonitorPlan,
)
from endpointwatch.reports.deployment import Deployment, serving
from endpointwatch.reports.verdict import Status, Verdict, no_answer
from endpointwatch.reports.verdict_metrics import lines
from endpointwatch_airflow.captured import capture_root, captured, manifest, manifest_hash
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.earlier import earlier_states
from endpointwatch_airflow.errors import MissingResultError
from endpointwatch_airflow.hooks.answers import Outcome, Request, StoredObject
from endpointwatch_airflow.labelled import closed, limits_of, window_labels
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.links.sagemaker import JobLink, JobLogLink
from endpointwatch_airflow.merged_files import remove_surplus
from endpointwatch_airflow.operators.artefact import model_data_uri, model_mounts
from endpointwatch_airflow.operators.planned import PlannedJobOperator
from endpointwatch_airflow.operators.requests import Mount, Upload, planned_processing
from endpointwatch_airflow.scripts import found_scripts
from endpointwatch_airflow.windows import resolve_window


class RunMonitorsOperator(PlannedJobOperator):
    """Run every due monitor over one window and see that each has left its verdict.

    The window is judged by the model version that was in service at its end, against that version's baseline. Without
    any captured object there is nothing to run: the verdict (``NO_DATA``, or ``CAPTURE_OFF`` when the endpoint does not
    capture) is written here. Finding violations is a result, not a failure.

    Where a monitor needs labels, the job is given those that are there now: judged again later, the window's verdict is
    about later labels, and names them. From ``ground_truth.maximum_age_hours`` after the window's end on it is final.

    When the job fails on the last try, ``JOB_FAILED`` is written for the monitors that have no verdict on the window
    yet, and the task fails; an answer from an earlier run is never replaced by a failure.

    Args:
        endpoint: The endpoint.
        monitors: Kinds to run; default all that the YAML file lists.
        window: The window, as JSON has it (templated); default the run's own.
        clock: The time that the age of labels is measured against.
        kwargs: As :class:`PlannedJobOperator` takes them.

    Returns:
        ``window``, ``job`` (None when there was nothing to run) and ``statuses`` by monitor.
    """

    work: ClassVar[str] = "monitor"
    spreads = True
    template_fields: Sequence[str] = aws_template_fields("endpoint_name", "monitors", "window")
    operator_extra_links = (JobLink(), JobLogLink(), ResultsLink())

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        monitors: Sequence[str] | None = None,
        window: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(endpoint=endpoint, **kwargs)
        self.monitors = list(monitors or (monitor.kind for monitor in endpoint.monitors))
        self.window = window
        self.clock = clock
        self.inputs: tuple[StoredObject, ...] = ()
        self.deployment: Deployment | None = None

    def execute(self, context: Context) -> Any:
        window = self._window(context)
        layout = Layout.of(self.endpoint)
        persist_results(self, context, self.hook, layout.window(self.monitors[0], window))
        self.deployment = serving(recorded(self.store, layout), window)
        self.inputs = captured(self.store, self.endpoint, window)
        if not self.inputs:
            return self._unanswered(window, *self._why_empty(window))
        if self.deployment is None:
            return self._unanswered(
                window, "NO_BASELINE", f"No deployment of {self.endpoint.name} is on record, so no baseline either."
            )
        return super().execute(context)

    def subject(self, context: Context) -> str:
        return self._window(context).stamp

    def identity(self, context: Context) -> tuple[str, ...]:
        return (str(self._window(context)), *sorted(self.monitors))

    def request(self, context: Context, job: str) -> Request:
        if self.deployment is None:
            raise AssertionError("execute() starts no job without a deployment")
        layout = Layout.of(self.endpoint)
        version = self.deployment.model_version
        baseline = self._baseline_id(layout, version)
        scripts = found_scripts(self.store, self.endpoint, self.monitors)
        window = self._window(context)
        earlier = earlier_states(self.store, self.endpoint, window, self.monitors)
        labels = window_labels(self.store, self.endpoint, window, self.monitors)
        plan = MonitorPlan(
            endpoint=self.endpoint,
            window=window,
            monitors=tuple(self.monitors),
            model_version=version,
            baseline_id=baseline,
            input_manifest=manifest_hash((*self.inputs, *earlier, *(script.object for script in scripts))),
            model_data_uri=model_data_uri(self.hook, self.endpoint, self.deployment, self.monitors),
            labels_manifest=manifest_hash(labels) if labels is not None else None,
            labels_closed=labels is not None and closed(limits_of(self.endpoint), window, self.clock()),
        )
        root = capture_root(self.endpoint)
        plan_uri, manifest_uri = f"{layout.job(job)}/plan.json", f"{layout.job(job)}/capture.manifest"
        self.store.write(plan_uri, plan.to_json())
        self.store.write(manifest_uri, manifest(root, self.inputs))
        mounts = [Mount("capture", manifest_uri, CAPTURE_PATH, manifest=True)]
        if baseline is not None:
            mounts.append(Mount("baseline", f"{layout.baselines(version)}/", BASELINE_PATH))
        if earlier:
            states_uri = f"{layout.job(job)}/states.manifest"
            self.store.write(states_uri, manifest(layout.root, earlier))
            mounts.append(Mount("states", states_uri, STATES_PATH, manifest=True))
        if labels:
            labels_uri = f"{layout.job(job)}/labels.manifest"
            self.store.write(labels_uri, manifest(limits_of(self.endpoint).uri, labels))
            mounts.append(Mount("ground_truth", labels_uri, GROUND_TRUTH_PATH, manifest=True))
        mounts += [script.mount for script in scripts]
        mounts += model_mounts(plan.model_data_uri)
        return planned_processing(
            self.endpoint,
            plan_uri=plan_uri,
            mounts=mounts,
            uploads=[Upload("results", OUTPUT_PATH, layout.root)],
        )

    def succeeded(self, context: Context, outcome: Outcome) -> dict[str, Any]:
        window = self._window(context)
        layout = Layout.of(self.endpoint)
        told = self.store.read(f"{layout.job(outcome.name)}/plan.json")
        plan = MonitorPlan.model_validate_json(told) if told else None
        verdicts = {monitor: self._verdict(layout.verdict(monitor, window), outcome.name) for monitor in self.monitors}
        if plan is not None and any(_older(verdict, plan) for verdict in verdicts.values()):
            raise MissingResultError(
                f"Job {outcome.name} completed, but the verdicts on {window} are about other inputs than it was given. "
                "Clear this task; if it happens again, read the job's log."
            )
        if any(verdict.labels_final is not None for verdict in verdicts.values()):
            remove_surplus(self.store, layout, window)
        for monitor, verdict in verdicts.items():
            self.log.info("%s of %s: %s (%s)", monitor, window, verdict.status, verdict.evidence)
            self._send(verdict)
        return self._result(window, outcome.name, {monitor: verdict.status for monitor, verdict in verdicts.items()})

    def failed(self, context: Context, outcome: Outcome) -> None:
        instance = context["ti"]
        # A stopped job was stopped by somebody; that says nothing about the window.
        retried = not outcome.final and instance.try_number <= int(getattr(instance, "max_tries", 0) or 0)
        if outcome.status != "Failed" or retried:
            return
        window = self._window(context)
        layout = Layout.of(self.endpoint)
        for monitor in self.monitors:
            if not self.store.exists(layout.verdict(monitor, window)):
                self._write(window, monitor, "JOB_FAILED", f"The processing job failed: {outcome.reason}")

    def _send(self, verdict: Verdict) -> None:
        """Let CloudWatch's alarms see the verdict, unless the monitor's settings keep its metrics back."""
        settings = next((one for one in self.endpoint.monitors if one.kind == verdict.monitor), None)
        if settings is None or settings.emit_metrics != "Enabled":
            return
        dimensions = monitor_dimensions(self.endpoint.name, verdict.monitor)
        on_worker = self.endpoint.job.runs_on == "worker"
        self._publish(list(lines(verdict, dimensions=dimensions, whole=not on_worker)))

    def _window(self, context: Context) -> Window:
        if self.window is not None:
            return Window.model_validate(self.window)
        return resolve_window(context, self.endpoint.schedule.cron)

    def _why_empty(self, window: Window) -> tuple[Status, str]:
        live = self.hook.endpoint(self.endpoint.name)
        if live is None:
            return "CAPTURE_OFF", f"There is no endpoint {self.endpoint.name}, and no object was captured in {window}."
        if not live.capturing:
            return "CAPTURE_OFF", f"{self.endpoint.name} does not capture, and no object was captured in {window}."
        return "NO_DATA", f"{self.endpoint.name} captures, but no object was captured in {window}."

    def _unanswered(self, window: Window, status: Status, evidence: str) -> dict[str, Any]:
        for monitor in self.monitors:
            self._write(window, monitor, status, evidence)
        return self._result(window, None, dict.fromkeys(self.monitors, status))

    def _write(self, window: Window, monitor: str, status: Status, evidence: str) -> None:
        verdict = no_answer(
            status,
            endpoint=self.endpoint.name,
            monitor=monitor,
            window=window,
            evidence=evidence,
            model_version=self.deployment.model_version if self.deployment else None,
        )
        self.store.write(Layout.of(self.endpoint).verdict(monitor, window), verdict.to_json())
        self.log.info("%s of %s: %s (%s)", monitor, window, status, evidence)

    def _verdict(self, uri: str, job: str) -> Verdict:
        text = self.store.read(uri)
        if text is None:
            raise MissingResultError(f"Job {job} completed without writing {uri}. Read the job's log.")
        try:
            return Verdict.model_validate_json(text)
        except ValidationError as error:
            raise MissingResultError(f"Job {job} wrote {uri}, which is no verdict: {error}") from error

    def _baseline_id(self, layout: Layout, version: str) -> str | None:
        """The id of the version's baseline: the first due monitor's that has one. None: nothing was learnt yet."""
        for monitor in self.monitors:
            text = self.store.read(f"{layout.baseline(version, monitor)}/baseline.json")
            if text is not None:
                return str(json.loads(text)["id"])
        return None

    def _result(self, window: Window, job: str | None, statuses: dict[str, Status]) -> dict[str, Any]:
        return {"window": str(window), "job": job, "statuses": statuses}


def _older(verdict: Verdict, plan: MonitorPlan) -> bool:
    """Whether the verdict is about other captures or other labels than the job was given."""
    rests_on_labels = verdict.labels_final is not None
    return verdict.input_manifest != plan.input_manifest or (
        rests_on_labels and verdict.labels_manifest != plan.labels_manifest
    )
