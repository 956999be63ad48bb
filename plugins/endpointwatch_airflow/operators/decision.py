"""From a window's verdicts to what is done about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import Decision, affected_windows, decide, evidence_windows, may_act
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.errors import MissingResultError
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.windows import resolve_window

#: XCom key under which `decide` leaves what the chosen action needs.
CHOSEN = "chosen"


class JudgeOperator(EndpointWatchOperator, BranchMixIn):
    """Branch on the window's verdicts: violations are decided upon, everything else is the end of the run.

    Args:
        endpoint: The endpoint.
        violated: Task id to follow when a monitor found violations.
        healthy: Task id to follow otherwise.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = aws_template_fields()
    operator_extra_links = (ResultsLink(),)

    def __init__(
        self, *, endpoint: Endpoint, violated: str = "decide", healthy: str = "healthy", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.violated = violated
        self.healthy = healthy

    def execute(self, context: Context) -> Any:
        window = resolve_window(context, self.endpoint.schedule.cron)
        layout = Layout.of(self.endpoint)
        persist_results(self, context, self.hook, layout.window(self.endpoint.monitors[0].kind, window))
        verdicts = tuple(read_verdicts(self, self.endpoint, window))
        if not verdicts:
            raise MissingResultError(f"There is no verdict on {window} below {layout.root}. Clear the monitoring task.")
        for verdict in verdicts:
            self.log.info("%s: %s. %s", verdict.monitor, verdict.status, verdict.remedy)
            for violation in verdict.violations:
                self.log.info("  %s: %s", violation.about, violation.description)
        return self.do_branch(context, self.violated if violated(verdicts) else self.healthy)


class DecideOperator(EndpointWatchOperator, BranchMixIn):
    """Decide what the violations of the last windows call for, record it, and branch into the action.

    Every decision window that this window belongs to and that has a verdict is decided, so the outcome does not depend
    on the order in which backfilled windows finish. Decisions are files named for their evidence. One is acted upon
    when its window is fresh enough (``decision.act_within_hours``) and the model version it is about still serves; of
    several, the one on the latest window.

    Args:
        endpoint: The endpoint.
        retrain: Task id for the action ``retrain``.
        notify: Task id for the action ``notify``.
        nothing: Task id to follow when nothing is to be done.
        windows: Judged windows, as JSON (templated); those with violations are decided upon. Default: the run's own.
        clock: The time that freshness is measured against, and the day that names a retraining.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    The XCom ``chosen`` holds ``run_id``, ``reason`` and ``conf``, the form of the retrain DAG: ``windows``,
    ``decision``, ``model_version``, ``reason``.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = aws_template_fields("windows")
    operator_extra_links = (ResultsLink(),)

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        retrain: str = "retrain",
        notify: str = "notify",
        nothing: str = "nothing",
        windows: Sequence[Mapping[str, str]] | str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.retrain = retrain
        self.notify = notify
        self.nothing = nothing
        self.windows = windows
        self.clock = clock

    def execute(self, context: Context) -> Any:
        windows = self._windows(context)
        layout = Layout.of(self.endpoint)
        if windows:
            persist_results(self, context, self.hook, layout.decision(windows[-1], "").rpartition("/")[0])
        now = self.clock()
        deployments = recorded(self.store, layout)
        serving_now = deployments[-1].model_version if deployments else None
        chosen: tuple[Decision, str, str] | None = None
        for decision, uri in self._decided(windows, layout):
            permission = may_act(decision, self.endpoint.decision, now=now)
            self.log.info("%s: %s (%s)", decision.window, permission.reason, uri)
            if not permission.allowed:
                continue
            if decision.model_version != serving_now:
                self.log.info("  %s was replaced by %s: answered already", decision.model_version, serving_now)
                continue
            chosen = decision, uri, permission.reason
        if chosen is None:
            return self.do_branch(context, self.nothing)
        decision, uri, reason = chosen
        context["ti"].xcom_push(key=CHOSEN, value=request_of(decision, uri, reason, now))
        return self.do_branch(context, {"retrain": self.retrain, "notify": self.notify}[decision.action])

    def _windows(self, context: Context) -> tuple[Window, ...]:
        if self.windows is None:
            return (resolve_window(context, self.endpoint.schedule.cron),)
        told = json.loads(self.windows) if isinstance(self.windows, str) else self.windows
        found = (Window.model_validate(window) for window in told)
        return tuple(window for window in found if violated(read_verdicts(self, self.endpoint, window)))

    def _decided(self, windows: Iterable[Window], layout: Layout) -> Iterator[tuple[Decision, str]]:
        """Decide every window that one of ``windows`` affects, oldest first, and record each decision."""
        policy = self.endpoint.decision
        every = {affected for window in windows for affected in affected_windows(window, policy)}
        for affected in sorted(every, key=lambda window: (window.end, window.start)):
            if not any(read_verdicts(self, self.endpoint, affected)):
                continue
            evidence = [
                verdict
                for seen in evidence_windows(affected, policy)
                for verdict in read_verdicts(self, self.endpoint, seen)
            ]
            decision = decide(evidence, policy)
            uri = layout.decision(affected, decision.evidence_hash)
            self.store.write(uri, decision.to_json())
            yield decision, uri


def request_of(decision: Decision, uri: str, reason: str, now: datetime) -> dict[str, Any]:
    """What the action needs to know.

    The run id allows one retraining a model version and day, however many windows of a backfill come to the same
    decision: Airflow refuses the second run of that id, and the task that asks for it is skipped.
    """
    windows = sorted({seen.window for seen in decision.evidence if seen.counted}, key=lambda window: window.start)
    return {
        "run_id": f"drift__{decision.model_version}__{now.astimezone(UTC):%Y-%m-%d}",
        "reason": reason,
        "conf": {
            "windows": [window.model_dump(mode="json") for window in windows],
            "decision": uri,
            "model_version": decision.model_version,
            "reason": reason,
        },
    }


def violated(verdicts: Iterable[Verdict]) -> bool:
    """Whether a monitor found violations; what is provisional for want of labels is none yet."""
    return any(verdict.status == "VIOLATIONS" for verdict in verdicts)


def read_verdicts(operator: EndpointWatchOperator, endpoint: Endpoint, window: Window) -> Iterator[Verdict]:
    """The verdicts on a window of all the endpoint's monitors, as far as there are any."""
    for monitor in endpoint.monitors:
        text = operator.store.read(Layout.of(endpoint).verdict(monitor.kind, window))
        if text is not None:
            yield Verdict.model_validate_json(text)
