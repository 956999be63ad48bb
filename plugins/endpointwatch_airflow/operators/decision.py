"""From a window's verdicts to what is done about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context

from endpointwatch.config.decision import Action
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import (
    NOUNS,
    ActionRecord,
    Decision,
    Permission,
    Standing,
    affected_windows,
    concerns,
    decide,
    evidence_windows,
    permit,
)
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.chosen import CHOSEN, incident_of, request_of
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.errors import MissingResultError
from endpointwatch_airflow.history import history, started
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.incidents import keep, verdicts_on
from endpointwatch_airflow.job_names import task_life
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.windows import resolve_window, told_windows

#: Actions whose beginning is written down here; a retraining is recorded by its own run, when its turn has come.
RECORDED: Final = frozenset(NOUNS) - {"retrain"}


def utc_now() -> datetime:
    return datetime.now(UTC)


class JudgeOperator(EndpointWatchOperator, BranchMixIn):
    """Branch on the window's verdicts: what a rule counts is decided upon, everything else is the end of the run.

    A window that nobody objects to may be the quiet one that closes an incident; that is written down here.

    Args:
        endpoint: The endpoint.
        violated: Task id to follow when a verdict counts by a rule.
        healthy: Task id to follow otherwise.
        clock: No window that ends later is looked for.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = aws_template_fields()
    operator_extra_links = (ResultsLink(),)

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        violated: str = "decide",
        healthy: str = "healthy",
        clock: Callable[[], datetime] = utc_now,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.violated = violated
        self.healthy = healthy
        self.clock = clock

    def execute(self, context: Context) -> Any:
        window = resolve_window(context, self.endpoint.schedule.cron)
        layout = Layout.of(self.endpoint)
        persist_results(self, context, self.hook, layout.window(self.endpoint.monitors[0].kind, window))
        verdicts = tuple(verdicts_on(self.store, self.endpoint, window))
        if not verdicts:
            raise MissingResultError(f"There is no verdict on {window} below {layout.root}. Clear the monitoring task.")
        for verdict in verdicts:
            self.log.info("%s: %s. %s", verdict.monitor, verdict.status, verdict.remedy)
            for violation in verdict.violations:
                self.log.info("  %s: %s", violation.about, violation.description)
        if concerns(verdicts, self.endpoint.rules):
            return self.do_branch(context, self.violated)
        keep(self.store, self.endpoint, window, now=self.clock())
        return self.do_branch(context, self.healthy)


class DecideOperator(EndpointWatchOperator, BranchMixIn):
    """Decide what the verdicts of the last windows call for, record it, and branch into the action.

    Every decision window that this window belongs to and that has a verdict is decided, so the outcome does not depend
    on the order in which backfilled windows finish. Decisions are files named for their evidence. What the guards allow
    of them depends on the clock, on what was done before and on the version that serves; it is written down apart,
    under ``actions/decisions/``. Of several that are allowed, the one on the latest window is acted upon.

    One runs at a time in a DAG, so that two windows that end together do not both tell of the same incident.

    Args:
        endpoint: The endpoint.
        retrain: Task id for the action ``retrain``.
        rollback: Task id for the action ``rollback``.
        scale: Task id for the action ``scale``.
        pause: Task id for the action ``pause``.
        notify: Task id for the action ``notify``; followed beside another action when its rule tells somebody.
        nothing: Task id to follow when nothing is to be done.
        windows: Judged windows, as JSON (templated); those that a rule counts are decided upon. Default: the run's own.
        clock: The time that guards go by, and the day that names a retraining or a rollback.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    The XCom ``chosen`` holds ``run_id``, ``reason`` and ``conf``, the form of the retrain DAG (``windows``,
    ``decision``, ``model_version``, ``reason``); what the task of another action needs: ``rollback`` (``run_id`` and
    ``conf``), ``instances``, ``pause`` (``since``, ``until``); for who is told ``action`` (what is done), ``asked``,
    ``rule``, ``tell`` (owners); ``task``, the id of the action's task; and the URIs ``incident``, ``permission``,
    ``record`` (of the telling) and ``acted`` (of what is done beside it; null where there is none).
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = aws_template_fields("windows")
    operator_extra_links = (ResultsLink(),)

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        retrain: str = "retrain",
        rollback: str = "rollback",
        scale: str = "scale",
        pause: str = "pause",
        notify: str = "notify",
        nothing: str = "nothing",
        windows: Sequence[Mapping[str, str]] | str | None = None,
        clock: Callable[[], datetime] = utc_now,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"max_active_tis_per_dag": 1, **kwargs})
        self.endpoint = endpoint
        self.retrain = retrain
        self.rollback = rollback
        self.scale = scale
        self.pause = pause
        self.notify = notify
        self.nothing = nothing
        self.windows = windows
        self.clock = clock

    def execute(self, context: Context) -> Any:
        now, layout = self.clock(), Layout.of(self.endpoint)
        told = self._windows(context)
        windows = tuple(window for window in told if self._counts(window))
        if windows:
            persist_results(self, context, self.hook, layout.decision(windows[-1], "").rpartition("/")[0])
        incidents = [one for window in told for one in keep(self.store, self.endpoint, window, now=now)]
        chosen: tuple[Decision, str, Permission, Standing] | None = None
        done = history(self.store, layout, now) if windows else ()
        deployments = recorded(self.store, layout) if windows else ()
        for decision, uri in self._decided(windows, layout):
            standing = self._standing(deployments, decision)
            permission = permit(
                decision,
                self.endpoint,
                self._of_others(done, context),
                now=now,
                standing=standing,
                incident=incident_of(decision, incidents),
            )
            if permission.asked != "nothing":
                place = layout.permission(decision.window, decision.evidence_hash, now)
                self.store.write(place, permission.to_json())
            self.log.info("%s: %s (%s)", decision.window, permission.reason, uri)
            if permission.allowed != "nothing":
                chosen = decision, uri, permission, standing
        if chosen is None:
            return self.do_branch(context, self.nothing)
        return self._act(context, *chosen, done)

    def _act(
        self,
        context: Context,
        decision: Decision,
        uri: str,
        permission: Permission,
        standing: Standing,
        done: tuple[ActionRecord, ...],
    ) -> Any:
        layout = Layout.of(self.endpoint)
        telling = self._record(context, decision, uri, permission)
        record = started(self.store, layout, telling, done) if permission.tell else None
        acted = None
        if permission.allowed in RECORDED:
            acting = telling.model_copy(update={"action": permission.allowed, "tell": ()})
            acted = started(self.store, layout, acting, done)
        tasks: dict[Action, str] = {
            "retrain": self.retrain,
            "rollback": self.rollback,
            "scale": self.scale,
            "pause": self.pause,
            "notify": self.notify,
        }
        task = tasks[permission.allowed]
        about = {
            "action": permission.allowed,
            "task": task,
            "asked": permission.asked,
            "rule": decision.rule,
            "tell": list(permission.tell),
            "incident": layout.incident(str(decision.rule), permission.incident) if permission.incident else None,
            "permission": layout.permission(decision.window, decision.evidence_hash, permission.at),
            "record": record,
            "acted": acted,
        }
        context["ti"].xcom_push(key=CHOSEN, value={**request_of(decision, uri, permission, standing), **about})
        return self.do_branch(context, [task, self.notify] if permission.tell and task != self.notify else task)

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    def _standing(self, deployments: Iterable[Deployment], decision: Decision) -> Standing:
        standing = Standing.of(deployments)
        return replace(standing, **self._scalable) if decision.action == "scale" else standing

    @cached_property
    def _scalable(self) -> dict[str, Any]:
        """How many instances the variant has, or why it cannot be scaled."""
        name, variant = self.endpoint.name, self.endpoint.hosting.variant_name
        if self.hook.endpoint(name) is None:
            return {"no_scaling": f"There is no endpoint {name!r}."}
        count = self.deployments.instances(name).get(variant)
        if count is None:
            return {"no_scaling": f"{name!r} has no variant {variant!r} with instances; see `hosting.variant_name`."}
        return {"instances": count}

    def _record(self, context: Context, decision: Decision, uri: str, permission: Permission) -> ActionRecord:
        return ActionRecord(
            endpoint=self.endpoint.name,
            action="notify",
            id=self._id(context),
            started_at=permission.at,
            decision=uri,
            rule=decision.rule or "",
            tell=permission.tell,
            window=decision.window,
            model_version=decision.model_version,
        )

    def _id(self, context: Context) -> str:
        return " ".join(task_life(context))

    def _of_others(self, done: Iterable[ActionRecord], context: Context) -> tuple[ActionRecord, ...]:
        # What an earlier try of this task has recorded must not keep the next from finishing it.
        return tuple(one for one in done if one.id != self._id(context))

    def _windows(self, context: Context) -> tuple[Window, ...]:
        if self.windows is None:
            return (resolve_window(context, self.endpoint.schedule.cron),)
        return told_windows(self.windows)

    def _counts(self, window: Window) -> bool:
        # The window of the run itself was looked at by the task before this one.
        return self.windows is None or concerns(verdicts_on(self.store, self.endpoint, window), self.endpoint.rules)

    def _decided(self, windows: Iterable[Window], layout: Layout) -> Iterator[tuple[Decision, str]]:
        """Decide every window that one of ``windows`` affects, oldest first, and record each decision."""
        rules = self.endpoint.rules
        every = {affected for window in windows for affected in affected_windows(window, rules)}
        for affected in sorted(every, key=lambda window: (window.end, window.start)):
            if not any(verdicts_on(self.store, self.endpoint, affected)):
                continue
            evidence = [
                verdict
                for seen in evidence_windows(affected, rules)
                for verdict in verdicts_on(self.store, self.endpoint, seen)
            ]
            decision = decide(evidence, rules)
            uri = layout.decision(affected, decision.evidence_hash)
            self.store.write(uri, decision.to_json())
            yield decision, uri
