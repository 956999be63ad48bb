"""What is done with an endpoint, one case after another; several endpoints are led along their roads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from clients import Clients
from small_endpoint import Json, SmallEndpoint

from endpointwatch.config.window import Window
from endpointwatch.decisions import ActionRecord, Decision, Permission
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.verdict import Verdict

#: A road waits for Airflow, the test for the road: longer than any of its steps.
PATIENCE = 1500.0


@dataclass(frozen=True)
class Case:
    """What was on record when a case had come to its end; the cases after it change nothing here.

    Attributes:
        small: The endpoint.
        clients: What its clients met from the beginning of the case on.
        model: Model that serves.
        live: ``DescribeEndpoint``.
        deployments: On record, the oldest first.
        actions: On record, the oldest first.
        retrainings: Runs of the retrain DAG, those by hand included.
        window: The window that it was about.
        verdict: On that window.
        decision: On that window, if there was one.
        permission: What the guards made of it.
        judged: States of the monitor run's tasks.
        run: State of the retrain DAG's run.
        tasks: States of its tasks.
        record: Its record.
        package: The challenger in the registry.
        more: What only this case has.
    """

    small: SmallEndpoint
    clients: Clients
    model: str
    live: Json
    deployments: list[Deployment]
    actions: list[ActionRecord]
    retrainings: list[str]
    window: Window | None = None
    verdict: Verdict | None = None
    decision: Decision | None = None
    permission: Permission | None = None
    judged: dict[str, str | None] = field(default_factory=dict)
    run: str = ""
    tasks: dict[str, str | None] = field(default_factory=dict)
    record: Json = field(default_factory=dict)
    package: Json = field(default_factory=dict)
    more: Json = field(default_factory=dict)


def ended(
    small: SmallEndpoint, clients: Clients, *, judged: tuple[Window, str] | None = None, run_id: str = "", **more: Any
) -> Case:
    """The case as it stands now.

    Args:
        small: The endpoint.
        clients: What its clients have met during the case.
        judged: A window, and the monitor's run on it.
        run_id: A run of the retrain DAG that has ended.
        more: What only this case has.
    """
    told: dict[str, Any] = {}
    if judged is not None:
        window, monitor_run = judged
        told |= {"window": window, "verdict": small.results.verdict(window)}
        told |= {"judged": small.states("monitor", monitor_run)}
        if small.results.decisions(window):
            told["decision"], told["permission"] = small.decided(window)
    if run_id:
        record = small.retraining(run_id)
        told |= {"run": small.airflow.run(small.dag("retrain"), run_id)["state"], "record": record}
        told |= {"tasks": small.states("retrain", run_id)}
        told |= {"package": small.package(record["model_package_arn"])} if record["model_package_arn"] else {}
    model, live = small.live()
    return Case(
        small=small,
        clients=Clients(list(clients.scores), list(clients.failures)),
        model=model,
        live=live,
        deployments=small.results.deployments(),
        actions=small.actions(),
        retrainings=[run["dag_run_id"] for run in small.airflow.runs(small.dag("retrain"))],
        more=more,
        **told,
    )


class Road:
    """Leads an endpoint through its cases, in a thread of its own.

    Args:
        small: The endpoint.
        cases: Names of the cases, in their order.
        lead: Leads it; yields each case when it has ended.
    """

    def __init__(
        self, small: SmallEndpoint, cases: Sequence[str], lead: Callable[[SmallEndpoint], Iterator[Case]]
    ) -> None:
        self.small = small
        self.cases: dict[str, Future[Case]] = {name: Future() for name in cases}
        self._lead = lead
        self._thread = threading.Thread(target=self._run, name=small.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            for future, case in zip(self.cases.values(), self._lead(self.small), strict=True):
                future.set_result(case)
        except BaseException as error:  # noqa: BLE001 - told by the tests of the cases that were not reached
            for future in self.cases.values():
                if not future.done():
                    future.set_exception(error)
