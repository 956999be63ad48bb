"""Alarms, topic, queue and triggers with real clients, against the local AWS."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from airflow_fakes import context, endpoint
from endpointwatch.actions.alarm_requests import alarm_name, alarm_prefix, channel_name
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.operators.alarms import (
    DeleteAlarmsOperator,
    EnsureAlarmsOperator,
    PutAlarmOperator,
    SetAlarmStateOperator,
)
from endpointwatch_airflow.operators.remediation import AnswerAlarmsOperator
from endpointwatch_airflow.sensors.alarm import AlarmStateSensor
from endpointwatch_airflow.triggers.alarm import AlarmStateTrigger
from endpointwatch_airflow.triggers.alarm_queue import AlarmQueueTrigger

pytestmark = pytest.mark.pocketaws

OWN = {
    "latency": {"metric": "latency", "namespace": "Own", "threshold": 1, "missing_data": "ignore", "statistic": "p99"},
    "drift": {"metric": "feature_baseline_drift_age", "monitor": "data_quality", "threshold": 0.2, "periods": 1,
              "missing_data": "ignore"},
    # Nobody asks these endpoints anything: that alarm would go off at once.
    "no_invocations": {"enabled": False},
}  # fmt: skip
BOTH = {"both": {"rule": "ALARM(latency) AND ALARM(drift)", "severity": "critical"}}


@pytest.fixture(autouse=True)
def reached(pocketaws, monkeypatch):
    """The only thing that says where AWS is."""
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def name() -> str:
    return f"loans-{uuid4().hex[:8]}"


@pytest.fixture
def hook() -> CloudWatchHook:
    return CloudWatchHook(aws_conn_id=None)


def ensure(name: str, metrics: dict[str, Any] = OWN, **alarms: Any) -> dict[str, list[str]]:
    declared = endpoint(name=name, alarms={"metrics": metrics, **alarms})
    return EnsureAlarmsOperator(task_id="ensure_alarms", endpoint=declared, aws_conn_id=None).execute({})


def until(reached: Any, seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def test_declared_alarms_are_made_once_changed_where_they_differ_and_removed_when_declared_no_longer(name, hook):
    assert len(ensure(name, composites=BOTH)["made"]) == 6
    assert len(ensure(name, composites=BOTH)["kept"]) == 6
    changed = ensure(name, {**OWN, "latency": {**OWN["latency"], "threshold": 2}}, composites=BOTH)
    assert (changed["changed"], changed["removed"]) == (["latency"], [])
    assert ensure(name, {"drift": OWN["drift"]})["removed"] == ["both", "latency"]
    assert len(ensure(name, enabled=False)["removed"]) == 5
    assert hook.alarms(alarm_prefix(name)) == ()


def test_the_queue_takes_messages_of_the_topic_alone_and_is_subscribed_once(pocketaws, name):
    for _ in range(2):
        ensure(name)
    sqs, sns = pocketaws.client("sqs"), pocketaws.client("sns")
    url = sqs.get_queue_url(QueueName=channel_name(name))["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    topic = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert (statement["Principal"], statement["Resource"]) == ({"Service": "sns.amazonaws.com"}, attributes["QueueArn"])
    assert attributes["MessageRetentionPeriod"] == "3600"
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["Endpoint"] == attributes["QueueArn"]


async def next_event(trigger: AlarmQueueTrigger, before: Any) -> Any:
    """The trigger's first event; ``before`` is done once it listens."""
    events = trigger.run()
    coming = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(before)
    event = await asyncio.wait_for(coming, 30)
    await events.aclose()
    return event.payload


def test_an_alarm_that_goes_off_is_an_event_within_a_second_or_two_also_when_the_queue_came_later(name, hook):
    trigger = AlarmQueueTrigger(
        queue_name=channel_name(name), long_poll_seconds=5, pause_seconds=0.2, aws_conn_id=None
    )  # fmt: skip

    def ring() -> None:
        ensure(name)
        hook.set_state(alarm_name(name, "drift"), "ALARM", "a test")

    payload = asyncio.run(next_event(trigger, ring))
    assert (payload["alarm"], payload["state"], payload["reason"]) == (alarm_name(name, "drift"), "ALARM", "a test")
    # What another service's clock says of the change is within what counts as the same.
    live = hook.alarm(alarm_name(name, "drift"))
    told = datetime.strptime(payload["at"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs(live.changed_at - told) < timedelta(seconds=2)


def test_a_message_that_is_none_of_an_alarm_is_dropped_and_the_next_one_comes_through(pocketaws, name, hook):
    ensure(name)
    sqs = pocketaws.client("sqs")
    url = sqs.get_queue_url(QueueName=channel_name(name))["QueueUrl"]
    trigger = AlarmQueueTrigger(queue_name=channel_name(name), long_poll_seconds=5, aws_conn_id=None)

    def ring() -> None:
        sqs.send_message(QueueUrl=url, MessageBody="not JSON")
        hook.set_state(alarm_name(name, "drift"), "ALARM", "a test")

    assert asyncio.run(next_event(trigger, ring))["state"] == "ALARM"


def test_a_monitors_metric_makes_its_alarm_go_off_and_the_answer_is_recorded(pocketaws, name, hook):
    """The metric as a worker publishes it, the alarm as declared: their namespaces and dimensions meet."""
    ensure(name, composites=BOTH)
    bucket = name
    pocketaws.client("s3").create_bucket(Bucket=bucket)
    dimensions = [{"Name": "Endpoint", "Value": name}, {"Name": "MonitoringSchedule", "Value": f"{name}-data_quality"}]
    line = {"MetricName": "feature_baseline_drift_age", "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "Dimensions": dimensions, "Value": 0.9}  # fmt: skip
    assert hook.publish("EndpointWatch", [json.dumps(line)]) is None
    until(lambda: hook.alarm(alarm_name(name, "drift")).state == "ALARM")
    declared = endpoint(name=name, results_uri=f"s3://{bucket}/results", alarms={"metrics": OWN, "composites": BOTH})
    for times in range(2):
        task = AnswerAlarmsOperator(task_id="answer", endpoint=declared, aws_conn_id=None)
        taken: list[str] = []
        task.do_branch = lambda _, branches, taken=taken: taken.extend(branches)
        task.skip = lambda ti, tasks: None
        task.execute(context(task, run_id=f"run_{times}"))
        assert taken == (["notify"] if times == 0 else [])
    found = pocketaws.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"results/{name}/remediations/")["Contents"]
    assert len(found) == 1


def test_one_can_wait_for_an_alarm_here_and_in_the_triggerer(name, hook):
    ensure(name)
    full = alarm_name(name, "latency")
    SetAlarmStateOperator(task_id="s", alarm_name=full, state="ALARM", aws_conn_id=None).execute({})
    sensor = AlarmStateSensor(task_id="w", alarm_name=full, states=("ALARM",), aws_conn_id=None)
    assert sensor.poke({}) is True

    async def waited() -> Any:
        trigger = AlarmStateTrigger(alarm_name=full, states=["OK"], pause_seconds=0.2, aws_conn_id=None)
        coming = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(0.5)
        assert not coming.done()
        await asyncio.to_thread(hook.set_state, full, "OK", "calm again")
        return (await asyncio.wait_for(coming, 20)).payload

    assert asyncio.run(waited()) == {"alarm_name": full, "state": "OK"}
    summaries = [event.summary for event in hook.history(full, since=datetime.now(UTC) - timedelta(hours=1))]
    assert summaries[-2:] == ["Alarm updated from INSUFFICIENT_DATA to ALARM", "Alarm updated from ALARM to OK"]


def test_single_alarms_are_put_and_deleted_twice_without_complaint(name, hook):
    full = f"{name}-single"
    request = {
        "AlarmName": full, "Namespace": "Own", "MetricName": "m", "Statistic": "Sum", "Period": 60, "Threshold": 1.0,
        "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    for _ in range(2):
        assert PutAlarmOperator(task_id="put", request=request, aws_conn_id=None).execute({}) == full
    assert hook.alarm(full).state in ("INSUFFICIENT_DATA", "OK")
    for _ in range(2):
        DeleteAlarmsOperator(task_id="delete", alarm_names=[full], aws_conn_id=None).execute({})
    assert hook.alarm(full) is None
