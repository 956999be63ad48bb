"""Judge the windows on record again under other settings: one processing job over their states."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from pydantic import ValidationError

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.replay import Changes
from endpointwatch.config.window import Window
from endpointwatch.jobs.plan import BASELINE_PATH, OUTPUT_PATH, STATES_PATH, ReplayPlan
from endpointwatch_airflow.captured import manifest, manifest_hash
from endpointwatch_airflow.errors import MissingResultError, NotRetriedError
from endpointwatch_airflow.hooks.answers import Outcome, Request, StoredObject
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.links.sagemaker import JobLink, JobLogLink
from endpointwatch_airflow.operators.planned import PlannedJobOperator
from endpointwatch_airflow.operators.requests import Mount, Upload, planned_processing

#: What a replay reads of each window.
FILES = ("state.arrow", "verdict.json")
#: Fields of the run's form that are no setting of the monitor.
LAST, SPAN, BASELINE = "last_windows", "window", "baseline_uri"


class ReplayOperator(PlannedJobOperator):
    """Replay the last windows that had ended at the run's ``run_after``, and show the table in the task's log.

    What is replayed and how stands in the run's form: ``last_windows``, ``window`` (``stored``, ``day``, ``week``),
    ``baseline_uri`` and the fields of :class:`Changes`. The result lies in ``replays/<name>/`` of the endpoint's
    results; the name follows from windows, their content and settings, so that the same replay has one place.

    Args:
        endpoint: The endpoint.
        monitor: Kind of the monitor whose windows are replayed.
        kwargs: As :class:`PlannedJobOperator` takes them.

    Returns:
        ``replay`` (URI of ``replay.json``), ``summary`` and ``job``.
    """

    work: ClassVar[str] = "replay"
    template_fields: Sequence[str] = aws_template_fields("endpoint_name", "monitor")
    operator_extra_links = (JobLink(), JobLogLink(), ResultsLink())

    def __init__(self, *, endpoint: Endpoint, monitor: str = "data_quality", **kwargs: Any) -> None:
        super().__init__(endpoint=endpoint, **kwargs)
        self.monitor = monitor

    def execute(self, context: Context) -> Any:
        persist_results(self, context, self.hook, f"{Layout.of(self.endpoint).root}/replays")
        # Both refuse what cannot be done before anything is started.
        self.changes(context)
        self._last(context)
        return super().execute(context)

    def subject(self, context: Context) -> str:
        return f"{context['dag_run'].run_after:%Y%m%d%H%M}"

    def identity(self, context: Context) -> tuple[str, ...]:
        # Without the windows' content: a window judged meanwhile must not keep a retry from finding its job.
        return (self.monitor, self._told(context))

    def request(self, context: Context, job: str) -> Request:
        layout = Layout.of(self.endpoint)
        chosen = self._chosen(context)
        own = context["params"].get(BASELINE)
        plan = ReplayPlan(
            endpoint=self.endpoint,
            monitor=self.monitor,
            name=self._name(context),
            changes=self.changes(context),
            span=context["params"].get(SPAN) or "stored",
            one_baseline=bool(own),
        )
        plan_uri, manifest_uri = f"{layout.job(job)}/plan.json", f"{layout.job(job)}/states.manifest"
        self.store.write(plan_uri, plan.to_json())
        self.store.write(manifest_uri, manifest(self._root, chosen))
        mounts = [Mount("states", manifest_uri, STATES_PATH, manifest=True)]
        baselines = f"{str(own or f'{layout.root}/baselines').rstrip('/')}/"
        # SageMaker refuses an input that holds nothing; a replay without any baseline answers NO_BASELINE.
        if own or any(True for _ in self.store.objects(baselines)):
            mounts.append(Mount("baseline", baselines, BASELINE_PATH))
        return planned_processing(
            self.endpoint,
            plan_uri=plan_uri,
            mounts=mounts,
            uploads=[Upload("replay", OUTPUT_PATH, layout.root)],
        )

    def succeeded(self, context: Context, outcome: Outcome) -> dict[str, Any]:
        folder = Layout.of(self.endpoint).replay(self._told_name(outcome.name))
        table = self.store.read(f"{folder}/replay.txt")
        if table is None or not self.store.exists(f"{folder}/replay.json"):
            raise MissingResultError(
                f"Job {outcome.name} completed without writing {folder}/replay.json and replay.txt. Read its log."
            )
        persist_results(self, context, self.hook, folder)
        for line in table.splitlines():
            self.log.info("%s", line)
        return {"replay": f"{folder}/replay.json", "summary": table.strip().splitlines()[-1], "job": outcome.name}

    def changes(self, context: Context) -> Changes:
        """The settings that the form changes.

        Raises:
            NotRetriedError: One of them is out of its range.
        """
        return changes_of(context["params"])

    @property
    def _root(self) -> str:
        return f"{Layout.of(self.endpoint).root}/{self.monitor}"

    @cached_property
    def _windows(self) -> Mapping[Window, tuple[StoredObject, ...]]:
        """The files of every window on record, oldest window first."""
        found: dict[Window, list[StoredObject]] = {}
        for item in self.store.objects(f"{self._root}/"):
            folder, _, name = item.uri.removeprefix(f"{self._root}/").rpartition("/")
            window = Window.at(folder) if name in FILES else None
            if window is not None:
                found.setdefault(window, []).append(item)
        order = sorted(found, key=lambda window: (window.end, window.start))
        return {window: tuple(found[window]) for window in order}

    def _chosen(self, context: Context) -> tuple[StoredObject, ...]:
        return tuple(item for window in self._last(context) for item in self._windows[window])

    def _last(self, context: Context) -> list[Window]:
        until = context["dag_run"].run_after
        ended = [window for window in self._windows if window.end <= until]
        if not ended:
            raise NotRetriedError(
                f"No window of {self.monitor} that had ended at {until.isoformat()} is on record below {self._root}/. "
                "Run the endpoint's monitor DAG first."
            )
        return ended[-int(context["params"].get(LAST) or 0) :]

    def _told(self, context: Context) -> str:
        fields = {key: context["params"].get(key) for key in (SPAN, BASELINE)}
        return json.dumps({**fields, **self.changes(context).model_dump()}, sort_keys=True)

    def _name(self, context: Context) -> str:
        content = "\n".join((*self.identity(context), manifest_hash(self._chosen(context))))
        return f"{self._last(context)[-1].stamp}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def _told_name(self, job: str) -> str:
        # From the plan, not from a new listing: while the job ran another window may have been judged.
        told = self.store.read(f"{Layout.of(self.endpoint).job(job)}/plan.json")
        if told is None:
            raise MissingResultError(f"The plan of job {job} is gone. Clear this task.")
        return ReplayPlan.model_validate_json(told).name


def changes_of(params: Mapping[str, Any]) -> Changes:
    """The form's settings; empty fields change nothing.

    Raises:
        NotRetriedError: One of them is out of its range.
    """
    given = {key: params.get(key) for key in Changes.model_fields if params.get(key) is not None}
    try:
        return Changes.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_url=False))
        raise NotRetriedError(f"The form asks for what is not possible: {faults}.") from error
