"""Two drift decisions and an alarm of the same endpoint at once: each is answered, and one change follows another.

Two windows are judged at the same moment, and the alarm rings in that moment too. What the alarm asks for, one more
instance, is held still in the middle (SIGSTOP), the lease on the endpoint in its hands, until the retraining that the
decisions have started wants to deploy: so the two really meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from applicants import people
from killing import Killer, until
from small_endpoint import DEFAULT_ALARMS, SmallEndpoint, parse_again

from endpointwatch.actions.alarm_requests import alarm_name
from endpointwatch.actions.lease import Lease
from endpointwatch.actions.remediation import Remedy
from endpointwatch.config.window import Window
from loanapp.cloud import split
from onemachine.airflow_api import AirflowApi

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

NAME = "same-minute"
OFF = {name: {"enabled": False} for name in DEFAULT_ALARMS}
BEAT = {
    "metric": "Beat", "namespace": "Pulse", "dimensions": {"Of": NAME}, "statistic": "Sum", "threshold": 1,
    "periods": 1, "missing_data": "ignore", "actions": ["notify", "scale"],
}  # fmt: skip


@pytest.fixture(scope="module")
def small(stack, stack_settings, airflow) -> Iterator[SmallEndpoint]:
    """An endpoint whose first version serves, and whose alarm is listened to."""
    made = SmallEndpoint.declare(
        stack,
        stack_settings,
        NAME,
        alarms={"metrics": {**OFF, "beat": BEAT}},
        # No sweep within this test: what is done about the alarm follows from its message.
        remediation={"sweep": "0 0 1 1 *"},
    )
    parse_again(airflow)
    airflow.parse_again("loan-approval__health")
    made.ready()
    airflow.wait_for_dag(made.dag("health"))
    airflow.unpause(made.dag("health"))
    # The watcher of the queue starts when the file of the unpaused DAG is parsed again.
    airflow.parse_again(made.dag("health"))
    made.first_version()
    yield made
    airflow.pause(made.dag("health"))
    made.remove()


@dataclass(frozen=True)
class Minute:
    """What happened.

    Attributes:
        windows: The two windows that were judged at once.
        judged: Their runs of the monitor DAG.
        rung: When the alarm rang.
        health: The run of the health DAG that its message started.
        retrained: The runs of the retrain DAG that were started since.
        waited: The deploying task's log while it waited for its turn.
    """

    windows: tuple[Window, Window]
    judged: tuple[dict[str, Any], ...]
    rung: datetime
    health: dict[str, Any]
    retrained: tuple[dict[str, Any], ...]
    waited: str


@pytest.fixture(scope="module")
def minute(small, stack_settings, airflow) -> Minute:
    killer = Killer(stack_settings, airflow)
    windows = small.past(2), small.past(1)
    for seed, window in enumerate(windows, start=12):
        small.lay(window, people(seed, 240, drifted=True, turned=True))
    known, onboarded = small.runs.ids(small.dag("retrain")), small.runs.ids(small.dag("onboard"))
    forms = [{"window_start": one.start.isoformat(), "window_end": one.end.isoformat()} for one in windows]
    started = [airflow.trigger(small.dag("monitor"), conf=form)["dag_run_id"] for form in forms]
    rung = datetime.now(UTC)
    small.cloud.client("cloudwatch").set_alarm_state(
        AlarmName=alarm_name(NAME, "beat"), StateValue="ALARM", StateReason="a test"
    )
    health = small.runs.next_of(small.dag("health"), set(), why="the alarm rang")["dag_run_id"]
    scaling = killer.caught(small.dag("health"), health, "scale")
    try:
        killer.led(scaling, lambda: holder(small) == "scale")
        judged = tuple(small.finish("monitor", run) for run in started)
        retraining = small.runs.next_of(small.dag("retrain"), known, why="two decisions ask for it")["dag_run_id"]
        airflow.wait_for_task(small.dag("retrain"), retraining, "deploy", {"deferred"}, seconds=600)
        waited = until(lambda: waiting(airflow, small, retraining), "the deployment does not wait", every=0.5)
        assert holder(small) == "scale"
    finally:
        scaling.resume()
    small.finish("retrain", retraining)
    ended = airflow.wait(small.dag("health"), health, seconds=600)
    small.onboarded(onboarded)
    runs = tuple(run for run in airflow.runs(small.dag("retrain")) if run["dag_run_id"] not in known)
    return Minute(windows, judged, rung, ended, runs, waited)


def waiting(airflow: AirflowApi, small: SmallEndpoint, run_id: str) -> str:
    """The deploying task's log, once it says that it waits for its turn; empty before."""
    log = airflow.log(small.dag("retrain"), run_id, "deploy")
    return log if "Waiting to change" in log else ""


def holder(small: SmallEndpoint) -> str | None:
    """The task that holds the lease on the endpoint."""
    held = lease(small).holder
    return held.task_id if held else None


def lease(small: SmallEndpoint) -> Lease:
    return Lease.model_validate(small.cloud.json(f"{small.results.layout.lease()}/lease.json"))


def remedies(small: SmallEndpoint) -> list[Remedy]:
    folder = small.results.layout.remediations()
    texts = [small.cloud.read(split(folder)[0], key) for key in small.cloud.keys(folder)]
    return sorted((Remedy.model_validate_json(text) for text in texts), key=lambda remedy: remedy.step)


def test_both_windows_are_decided_on_and_the_one_retraining_that_follows_names_its_decision(minute, small):
    decided = [small.decided(window)[0] for window in minute.windows]
    assert [decision.action for decision in decided] == ["retrain", "retrain"]
    (run,) = minute.retrained
    assert run["state"] == "success"
    assert run["conf"]["decision"] in {small.results.layout.decision(d.window, d.evidence_hash) for d in decided}
    (action,) = [action for action in small.actions() if action.action == "retrain"]
    assert (action.id, action.outcome) == (run["dag_run_id"], "training Completed")
    assert len(action.training_jobs) == 1
    assert small.retraining(run["dag_run_id"])["outcome"] == "deployed"


def test_what_the_alarm_asked_for_is_done_once_and_on_record(minute, small):
    assert minute.health["state"] == "success"
    assert [(remedy.action, remedy.instances, remedy.outcome) for remedy in remedies(small)] == [
        ("notify", None, "done"), ("scale", 2, "done"),
    ]  # fmt: skip
    assert {remedy.run_id for remedy in remedies(small)} == {minute.health["dag_run_id"]}


def test_the_deployment_waits_until_the_scaling_has_ended(minute, small, airflow):
    assert "held by scale of" in minute.waited
    scaled = airflow.task_instance(small.dag("health"), minute.health["dag_run_id"], "scale")["end_date"]
    (begun, *_) = small.cloud.sagemaker.list_endpoint_configs(
        NameContains=NAME, SortBy="CreationTime", SortOrder="Descending"
    )["EndpointConfigs"]
    # The local AWS stamps its records to the millisecond.
    assert begun["CreationTime"] >= datetime.fromisoformat(scaled) - timedelta(milliseconds=1)


def test_nobody_holds_or_waits_for_the_lease_when_all_is_done(minute, small):
    assert lease(small).holder is None
    assert not small.cloud.keys(f"{small.results.layout.lease()}/waiting")


def test_the_endpoint_serves_the_one_new_version_on_the_instances_that_were_added(minute, small):
    version, found = small.live()
    (variant,) = found["ProductionVariants"]
    assert (version, found["EndpointStatus"], variant["CurrentInstanceCount"]) == (f"{NAME}-v2", "InService", 2)
    assert [done.model_version for done in small.results.deployments()] == [f"{NAME}-v1", f"{NAME}-v2"]
    assert len(small.results.packages()) == 2
