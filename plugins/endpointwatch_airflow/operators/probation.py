"""Watch over a new version's first windows, and return to the one before when they do not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context

from endpointwatch.actions.probation import Outcome, probation
from endpointwatch.config.deployment import Probation
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.reports.deployment import Deployment, previous
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.incidents import verdicts_on
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.windows import resolve_window, told_windows

#: XCom key under which the rollback's run id and form are left.
ASKED: Final = "asked"
#: So many windows back is looked at most, should a version have served for long without an answer.
LONGEST: Final = 1000


class ProbationOperator(EndpointWatchOperator, BranchMixIn):
    """Branch on where the serving version's probation stands, by the stored verdicts up to the run's window.

    Args:
        endpoint: The endpoint.
        settings: Its ``deployment.probation``.
        failed: Task id to follow when the version has failed and there is one to go back to.
        otherwise: Task id to follow else.
        windows: Judged windows, as JSON (templated); verdicts up to the last of them are looked at. Default: the run's.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = aws_template_fields("windows")

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        settings: Probation,
        failed: str,
        otherwise: str,
        windows: Sequence[Mapping[str, str]] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.settings = settings
        self.failed = failed
        self.otherwise = otherwise
        self.windows = windows

    def execute(self, context: Context) -> Any:
        deployments = recorded(self.store, Layout.of(self.endpoint))
        if not deployments:
            self.log.info("No deployment is on record yet; the onboard DAG writes it down.")
            return self.do_branch(context, self.otherwise)
        serving = deployments[-1]
        window = self._window(context)
        outcome = probation(serving, self._verdicts(serving, window), self.settings)
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

    def _window(self, context: Context) -> Window:
        if self.windows is None:
            return resolve_window(context, self.endpoint.schedule.cron)
        return max(told_windows(self.windows), key=lambda window: (window.end, window.start))

    def _verdicts(self, serving: Deployment, window: Window) -> Iterator[Verdict]:
        for step in range(LONGEST):
            seen = window.shifted(-step)
            if seen.start < serving.in_service_from:
                return
            yield from verdicts_on(self.store, self.endpoint, seen)


def request_of(serving: Deployment, outcome: Outcome) -> dict[str, Any]:
    """Of a deployment's failed probation there is one rollback, however many windows come to see it."""
    return {
        "run_id": f"probation__{serving.model_version}__{serving.in_service_from:%Y%m%dT%H%M%SZ}",
        "conf": {"instead_of": serving.model_version, "reason": f"Probation failed. {outcome.why}"},
    }
