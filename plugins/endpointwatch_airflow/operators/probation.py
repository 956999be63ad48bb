"""Watch over a new version's first windows, and return to the one before when they do not hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context

from endpointwatch.actions.probation import ANSWERS, Outcome, probation
from endpointwatch.config.deployment import Probation
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.reports.deployment import Deployment, previous
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.operators.base import EndpointWatchOperator

#: XCom key under which the rollback's run id and form are left.
ASKED: Final = "asked"
#: A window's file among the others in its folder.
VERDICT: Final = "verdict.json"


class ProbationOperator(EndpointWatchOperator, BranchMixIn):
    """Branch on where the serving version's probation stands, by the stored verdicts on its first windows.

    Args:
        endpoint: The endpoint.
        settings: Its ``deployment.probation``.
        failed: Task id to follow when the version has failed and there is one to go back to.
        otherwise: Task id to follow else.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, endpoint: Endpoint, settings: Probation, failed: str, otherwise: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.settings = settings
        self.failed = failed
        self.otherwise = otherwise

    def execute(self, context: Context) -> Any:
        deployments = recorded(self.store, Layout.of(self.endpoint))
        if not deployments:
            self.log.info("No deployment is on record yet; the onboard DAG writes it down.")
            return self.do_branch(context, self.otherwise)
        serving = deployments[-1]
        outcome = probation(serving, self._verdicts(serving.in_service_from), self.settings)
        self.log.info("Probation %s. %s", outcome.status, outcome.why)
        if outcome.status != "failed":
            return self.do_branch(context, self.otherwise)
        for text in outcome.evidence:
            self.log.warning("%s", text)
        before = previous(deployments)
        if before is None or not self.settings.rollback:
            why = "there is no version to go back to" if before is None else "`deployment.probation.rollback` is false"
            self.log.warning("%s failed its probation and stays all the same: %s", serving.model_version, why)
            return self.do_branch(context, self.otherwise)
        context["ti"].xcom_push(key=ASKED, value=request_of(serving, outcome))
        return self.do_branch(context, self.failed)

    def _verdicts(self, since: datetime) -> Iterator[Verdict]:
        """The stored verdicts that decide, of windows of any length: one judged by hand is on no schedule's grid."""
        for monitor in self.endpoint.monitors:
            yield from self._of(monitor.kind, since)

    def _of(self, monitor: str, since: datetime) -> Iterator[Verdict]:
        """One monitor's, by their start, up to where no later window can be among the first that have an answer."""
        folder = Layout.of(self.endpoint).monitor(monitor)
        ends: list[datetime] = []
        for item in self.store.objects(f"{folder}/", after=f"{folder}/{since:%Y/%m/%d/%H}"):
            path, _, name = item.uri.removeprefix(f"{folder}/").rpartition("/")
            window = Window.at(path) if name == VERDICT else None
            if window is None or window.start < since:
                continue
            if len(ends) >= self.settings.windows and window.start >= sorted(ends)[self.settings.windows - 1]:
                return
            verdict = Verdict.model_validate_json(self.store.read(item.uri) or "")
            yield verdict
            if verdict.status in ANSWERS:
                ends.append(window.end)


def request_of(serving: Deployment, outcome: Outcome) -> dict[str, Any]:
    """Of a deployment's failed probation there is one rollback, however many windows come to see it."""
    return {
        "run_id": f"probation__{serving.model_version}__{serving.in_service_from:%Y%m%dT%H%M%SZ}",
        "conf": {"instead_of": serving.model_version, "reason": f"Probation failed. {outcome.why}"},
    }
