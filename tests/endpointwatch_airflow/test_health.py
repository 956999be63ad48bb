"""Alarms made as declared, answered once, and what follows from the answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_fakes import ROOT, FakeSageMaker, FakeStore, at_the_border, context, endpoint
from endpointwatch.actions.alarm_requests import alarm_name, alarm_requests
from endpointwatch.actions.remediation import Remedy
from endpointwatch.config.window import Window
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.answers import LiveAlarm, LiveEndpoint
from endpointwatch_airflow.operators.alarms import EnsureAlarmsOperator
from endpointwatch_airflow.operators.pause import Pause, PauseMonitoringOperator, UnlessPausedOperator
from endpointwatch_airflow.operators.remediation import (
    CHOSEN,
    AnswerAlarmsOperator,
    NotifyRemediesOperator,
    RecordOutcomesOperator,
)
from endpointwatch_airflow.sensors.alarm import AlarmStateSensor
from endpointwatch_airflow.triggers.alarm import AlarmStateTrigger
from endpointwatch_airflow.triggers.alarm_queue import AlarmQueueTrigger, change_told

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ERRORS = alarm_name("loans", "errors_5xx")


class FakeCloudWatch:
    """Alarms in memory."""

    def __init__(self, *alarms: LiveAlarm) -> None:
        self.live = {alarm.name: alarm for alarm in alarms}
        self.calls: list[str] = []

    def alarms(self, prefix: str, *, state: str | None = None) -> tuple[LiveAlarm, ...]:
        return tuple(
            alarm for name, alarm in self.live.items() if name.startswith(prefix) and state in (None, alarm.state)
        )

    def alarm(self, name: str) -> LiveAlarm | None:
        return self.live.get(name)

    def put_alarm(self, request: dict[str, Any]) -> None:
        name = request["AlarmName"]
        self.calls.append(f"put {name}")
        assert ("Tags" in request) == (name not in self.live), "CloudWatch takes tags at creation only"
        self.live[name] = LiveAlarm(name, "OK", NOON, "", dict(request))

    def delete_alarms(self, names: list[str]) -> None:
        for name in names:
            self.calls.append(f"delete {name}")
            del self.live[name]


def ringing(name: str = ERRORS, at: datetime = NOON) -> LiveAlarm:
    return LiveAlarm(name, "ALARM", at, "Threshold Crossed")


# Declared and live


def ensure(cloudwatch: FakeCloudWatch, **changes: Any) -> dict[str, list[str]]:
    operator = EnsureAlarmsOperator(task_id="ensure_alarms", endpoint=endpoint(**changes), aws_conn_id=None)
    operator.__dict__["hook"] = cloudwatch
    operator.__dict__["topics"] = SimpleNamespace(ensure=lambda *_: "arn:t", subscribe=lambda *_: None)
    operator.__dict__["queues"] = SimpleNamespace(
        ensure=lambda *_: "url", attributes=lambda url: {"QueueArn": "arn:q"}, set_attributes=lambda *_: None
    )
    cloudwatch.calls.clear()
    return operator.execute({})


def test_alarms_that_are_as_declared_are_not_touched_again():
    cloudwatch = FakeCloudWatch()
    assert ensure(cloudwatch)["made"] == ["model_latency", "errors_5xx", "disk_utilization", "no_invocations"]
    assert ensure(cloudwatch)["kept"] == ["model_latency", "errors_5xx", "disk_utilization", "no_invocations"]
    assert cloudwatch.calls == []


def test_what_differs_is_put_and_what_is_declared_no_longer_is_removed_with_nobody_elses():
    others = LiveAlarm(alarm_name("loans-2", "errors_5xx"), "OK", NOON, "")
    cloudwatch = FakeCloudWatch(others)
    ensure(cloudwatch)
    metrics = {"model_latency": {"threshold": 1e6}, "disk_utilization": {"enabled": False}}
    done = ensure(cloudwatch, alarms={"metrics": metrics})
    assert (done["changed"], done["removed"]) == (["model_latency"], ["disk_utilization"])
    assert cloudwatch.calls == [f"put {alarm_name('loans', 'model_latency')}",
                                f"delete {alarm_name('loans', 'disk_utilization')}"]  # fmt: skip
    assert len(ensure(cloudwatch, alarms={"enabled": False})["removed"]) == 3
    assert list(cloudwatch.live) == [others.name]


def test_a_composite_is_made_after_its_children_with_their_full_names():
    composites = {"down": {"rule": "ALARM(errors_5xx) AND ALARM(no_invocations)"}}
    requests = alarm_requests(endpoint(alarms={"composites": composites}), "arn:t")
    assert list(requests)[-1] == alarm_name("loans", "down")
    assert requests[alarm_name("loans", "down")]["AlarmRule"] == (
        'ALARM("endpointwatch/loans/errors_5xx") AND ALARM("endpointwatch/loans/no_invocations")'
    )


# Answers


class Answering:
    """One endpoint's health DAG over several runs."""

    def __init__(self, *live: LiveAlarm, **changes: Any) -> None:
        self.store, self.cloudwatch, self.sagemaker = FakeStore(), FakeCloudWatch(*live), FakeSageMaker()
        self.endpoint = endpoint(**changes)
        self.instances = 1
        self.now = NOON
        self.branches: list[str] = []
        self.pushed: dict[str, Any] = {}
        self.skipped: list[Any] = []

    def run(self, run_id: str = "run_1", *, told: list[dict[str, str]] | None = None, **params: Any) -> list[str]:
        operator = AnswerAlarmsOperator(
            task_id="answer", endpoint=self.endpoint, aws_conn_id=None, clock=lambda: self.now
        )
        at_the_border(operator, self.sagemaker, self.store)
        operator.__dict__["alarms"] = self.cloudwatch
        operator.__dict__["deployments"] = SimpleNamespace(instances=lambda _: {"AllTraffic": self.instances})
        self.branches = []
        operator.do_branch = lambda _, branches: self.branches.extend(branches)
        operator.skip = lambda ti, tasks: self.skipped.append(tasks)
        self.store.modified_at = self.now
        events = {"asset": [SimpleNamespace(extra={"from_trigger": True, "payload": item}) for item in told or []]}
        ctx = context(operator, params=params, run_id=run_id, triggering_asset_events=events)
        operator.execute(ctx)
        self.pushed = ctx["ti"].pushed
        return self.pushed.get(CHOSEN, {}).get("remedies", [])

    def records(self) -> list[Remedy]:
        return [
            Remedy.model_validate_json(text) for uri, text in self.store.files.items()
            if uri.startswith(f"{ROOT}/remediations/2")
        ]  # fmt: skip


def told(name: str = ERRORS, at: datetime = NOON, state: str = "ALARM") -> dict[str, str]:
    return {"alarm": name, "state": state, "at": f"{at:%Y-%m-%dT%H:%M:%S}.250+0000", "reason": "Threshold Crossed"}


def test_an_alarm_is_told_and_scaled_for_and_both_are_on_record():
    health = Answering(ringing())
    assert health.run() == ["20260301T120000Z-errors-5xx-0-notify", "20260301T120000Z-errors-5xx-1-scale"]
    assert health.branches == ["notify", "scale"]
    assert health.pushed[CHOSEN]["instances"] == 2
    assert "errors_5xx (critical) since 2026-03-01 12:00:00: scale to 2 instances" in health.pushed[CHOSEN]["reason"]
    assert [(record.action, record.outcome, record.run_id) for record in health.records()] == [
        ("notify", "decided", "run_1"), ("scale", "decided", "run_1"),
    ]  # fmt: skip


def test_a_message_and_the_sweep_that_see_the_same_alarm_make_one_remediation():
    health = Answering(ringing())
    health.run("by_message", told=[told(), told()])
    before = dict(health.store.files)
    health.now += timedelta(minutes=2)
    assert health.run("by_sweep") == []
    assert health.run("by_another_message", told=[told()]) == []
    assert health.store.files == before
    assert health.branches == []


def test_a_retry_goes_on_with_what_the_first_try_recorded():
    health = Answering(ringing())
    first = health.run()
    before, chosen = dict(health.store.files), health.pushed[CHOSEN]
    health.now += timedelta(minutes=3)
    health.instances = 2
    assert health.run() == first
    assert health.branches == ["notify", "scale"]
    assert (health.store.files, health.pushed[CHOSEN]) == (before, chosen)


def test_an_alarm_that_is_over_already_is_told_and_nothing_else_is_done():
    health = Answering()
    assert health.run(told=[told()]) == ["20260301T120000Z-errors-5xx-0-notify"]
    assert health.branches == ["notify"]


def test_messages_of_recovery_and_of_others_alarms_are_no_reason_to_do_anything():
    health = Answering()
    assert health.run(told=[told(state="OK"), told(alarm_name("others", "errors_5xx"))]) == []
    assert health.skipped


@pytest.mark.parametrize("by", ["the file", "the form"])
def test_a_dry_run_records_and_tells_what_it_would_do_and_branches_into_no_action(by):
    by_file = by == "the file"
    health = Answering(ringing(), remediation={"dry_run": by_file})
    health.run(**({} if by_file else {"dry_run": True}))
    assert health.branches == ["notify"]
    assert {record.outcome for record in health.records()} == {"dry_run"}
    assert "would scale to 2 instances" in health.pushed[CHOSEN]["reason"]


def test_an_alarm_waits_while_the_endpoint_is_deployed_and_is_answered_by_a_later_sweep():
    health = Answering(ringing())
    live = health.sagemaker.live
    health.sagemaker.live = LiveEndpoint("loans", "Updating", "loans-1", NOON, NOON, capturing=True)
    health.run("first")
    assert health.branches == ["notify"]
    health.sagemaker.live = live
    health.now += timedelta(minutes=10)
    health.run("second")
    assert health.branches == ["notify", "scale"]


def test_people_are_told_which_alarm_since_when_what_was_done_and_where_it_stands():
    health = Answering(ringing())
    health.run()
    task = NotifyRemediesOperator(task_id="notify", endpoint=health.endpoint, aws_conn_id=None)
    task = at_the_border(task, store=health.store)
    text = task.execute(context(task, pushed=health.pushed))
    for part in (
        "[critical] loans: alarm errors_5xx is ALARM",
        "Since: 2026-03-01 12:00 UTC",
        "docs/runbook.md#alarm-errors_5xx",
        "scale to 2 instances",
        f"{ROOT}/remediations/",
    ):
        assert part in text


def test_a_dag_of_ones_own_gets_its_configuration_and_the_alarm():
    actions = {"actions": ["run_dag"], "run_dag": {"dag_id": "mine", "conf": {"team": "credit"}}}
    health = Answering(ringing(), alarms={"metrics": {"errors_5xx": actions}})
    health.run()
    assert health.branches == ["run_dag"]
    chosen = health.pushed[CHOSEN]
    assert (chosen["dag_id"], chosen["own_conf"]["team"]) == ("mine", "credit")
    assert chosen["own_conf"]["alarm"]["alarm"] == "errors_5xx"
    assert chosen["run_id"].startswith("alarm__20260301T120000Z__errors-5xx__")


def test_a_file_among_the_remedies_that_is_none_is_told_by_its_name():
    health = Answering(ringing())
    health.store.files[f"{ROOT}/remediations/20260301T120000Z-errors-5xx-0-notify.json"] = "{}"
    with pytest.raises(NotRetriedError, match="errors-5xx-0-notify"):
        health.run()


def outcomes(health: Answering, states: dict[str, str]) -> Any:
    operator = at_the_border(
        RecordOutcomesOperator(task_id="record", endpoint=health.endpoint, aws_conn_id=None), store=health.store
    )
    ctx = context(operator, pushed=health.pushed)
    ctx["ti"].get_task_states = lambda dag_id, run_ids: {run_ids[0]: states}
    return operator.execute(ctx)


def test_how_the_actions_ended_is_recorded_and_a_failure_fails_the_run():
    health = Answering(ringing())
    health.run()
    outcomes(health, {"notify": "success", "scale": "success"})
    assert {record.outcome for record in health.records()} == {"done"}
    with pytest.raises(NotRetriedError, match="errors-5xx-1-scale"):
        outcomes(health, {"notify": "success", "scale": "failed"})
    assert [record.outcome for record in health.records()] == ["done", "failed"]


# Pausing


def hours(start: int, end: int) -> dict[str, str]:
    return {"since": f"2026-03-01T{start:02}:00:00Z", "until": f"2026-03-01T{end:02}:00:00Z"}


def test_pauses_that_meet_are_one_and_none_is_shortened():
    store = FakeStore()
    for start, end in ((10, 14), (12, 13)):
        operator = PauseMonitoringOperator(task_id="pause", endpoint=endpoint(), aws_conn_id=None, **hours(start, end))
        operator = at_the_border(operator, store=store)
        operator.execute(context(operator))
    found = Pause.model_validate_json(store.files[f"{ROOT}/remediations/monitoring_pause.json"])
    assert (found.since.hour, found.until.hour) == (10, 14)


@pytest.mark.parametrize(
    ("end", "run_type", "judged"),
    [(10, "scheduled", True), (11, "scheduled", False), (13, "scheduled", False), (14, "scheduled", True),
     (11, "backfill", True), (11, "manual", True)],
)  # fmt: skip
def test_scheduled_windows_that_end_within_a_pause_are_left_to_a_backfill(end, run_type, judged):
    store = FakeStore({f"{ROOT}/remediations/monitoring_pause.json": json.dumps({**hours(11, 14), "reason": "r"})})
    operator = at_the_border(UnlessPausedOperator(task_id="p", endpoint=endpoint(), aws_conn_id=None), store=store)
    skipped: list[Any] = []
    operator.skip = lambda ti, tasks: skipped.append(tasks)
    window = Window.of(NOON.replace(hour=end - 1), NOON.replace(hour=end))
    ctx = context(operator, data_interval_start=window.start, data_interval_end=window.end, run_type=run_type)
    operator.execute(ctx)
    assert bool(skipped) is not judged


# Messages, and waiting for a state


def test_a_message_is_understood_bare_and_in_an_envelope_and_anything_else_is_none():
    bare = json.dumps({"AlarmName": "a", "NewStateValue": "ALARM", "StateChangeTime": "t", "NewStateReason": "r"})
    wanted = {"alarm": "a", "state": "ALARM", "at": "t", "reason": "r"}
    assert change_told(bare) == change_told(json.dumps({"Type": "Notification", "Message": bare})) == wanted
    for other in ("", "[]", "{}", "null", '{"Message": "hello"}', '{"AlarmName": "a"}'):
        assert change_told(other) is None


@pytest.mark.parametrize(
    "trigger",
    [AlarmQueueTrigger(queue_name="q", region_name="us-east-1"), AlarmStateTrigger(alarm_name="a", states=["OK"])],
)
def test_a_trigger_is_made_again_from_what_it_says_of_itself(trigger):
    path, arguments = trigger.serialize()
    assert path.rpartition(".")[2] == type(trigger).__name__
    assert type(trigger)(**arguments).serialize() == (path, arguments)


def test_the_sensor_waits_in_the_triggerer_unless_the_alarm_is_so_already_and_fails_without_one():
    sensor = AlarmStateSensor(task_id="calm", alarm_name=ERRORS, deferrable=True, aws_conn_id=None)
    sensor.__dict__["hook"] = FakeCloudWatch(ringing())
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context(sensor))
    assert deferred.value.trigger.serialize()[1]["states"] == ["OK"]
    sensor.__dict__["hook"] = FakeCloudWatch(LiveAlarm(ERRORS, "OK", NOON, ""))
    assert sensor.execute(context(sensor)) is None
    with pytest.raises(NotRetriedError, match="no alarm named"):
        sensor.execute_complete({}, {"alarm_name": ERRORS, "state": None})
