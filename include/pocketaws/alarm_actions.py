"""What a change of an alarm sets off: a message to its SNS topics, an event on EventBridge, both as AWS words them.

References:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import datetime as dt
import json
import queue
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.session

from pocketaws import events

if TYPE_CHECKING:
    from pocketaws.world import World

ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
STATISTICS = {"SampleCount": "SAMPLE_COUNT", "Average": "AVERAGE", "Sum": "SUM", "Minimum": "MINIMUM",
              "Maximum": "MAXIMUM"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Transition:
    """An alarm's change from one state to another.

    Attributes:
        alarm: As the base emulator keeps it, after the change.
        before: The state it was in.
        at: Epoch seconds.
    """

    alarm: dict[str, Any]
    before: str
    at: float

    @property
    def after(self) -> str:
        return str(self.alarm["StateValue"])


class AlarmActions:
    """Tells of every change of every alarm, whoever made it, in the order in which they came.

    The base emulator calls its own function at each change; that one sends less than AWS does, and in other words.

    Args:
        world: The local AWS.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._changes: queue.SimpleQueue[Transition | None] = queue.SimpleQueue()
        self._states: dict[str, dict[str, Any]] = {}
        self._thread = threading.Thread(target=self._run, name="alarm-actions", daemon=True)

    def start(self, emulator: Any) -> None:
        """Take the base emulator's place at telling.

        Args:
            emulator: Its module of CloudWatch.

        Raises:
            RuntimeError: A new version has moved the function.
        """
        if not callable(getattr(emulator, "_dispatch_alarm_actions", None)):
            raise RuntimeError("The base emulator has no `_dispatch_alarm_actions` to replace")  # noqa: TRY004
        emulator._dispatch_alarm_actions = self._noted  # noqa: SLF001 - see above
        self._thread.start()

    def close(self) -> None:
        """Tell what is noted, and end."""
        self._changes.put(None)
        if self._thread.is_alive():
            self._thread.join(10)

    def _noted(self, alarm: dict[str, Any], before: str, after: str, reason: str) -> None:  # noqa: ARG002 - the base's
        # Called while the base answers a request: whatever takes time is done by the thread.
        self._changes.put(Transition(dict(alarm), before, time.time()))

    def _run(self) -> None:
        while (change := self._changes.get()) is not None:
            try:
                self._tell(change)
            except Exception as error:  # noqa: BLE001 - one alarm must not silence the others
                print(f"pocketaws: alarm {change.alarm['AlarmName']!r}: {error!r}", file=sys.stderr)

    def _tell(self, change: Transition) -> None:
        alarm, settings = change.alarm, self._world.settings
        name = alarm["AlarmName"]
        before = self._states.get(name, {"value": change.before})
        self._states[name] = state_of(change)
        detail = {
            "alarmName": name,
            "state": self._states[name],
            "previousState": before,
            "configuration": configuration(alarm),
        }
        events.emit(self._world, "CloudWatch Alarm State Change", detail, alarm["AlarmArn"], source="aws.cloudwatch")
        if not alarm.get("ActionsEnabled", True):
            return
        text = json.dumps(message(change, account=settings.account, region=region_name(settings.region)))
        for action in alarm.get(ACTIONS[change.after]) or ():
            if ":sns:" not in action:
                print(
                    f"pocketaws: alarm {name!r}: the action {action} is not emulated; SNS topics are", file=sys.stderr
                )
                continue
            subject = f'{change.after}: "{name}" in {region_name(settings.region)}'[:100]
            self._world.aws("sns").publish(TopicArn=action, Subject=subject, Message=text)


def message(change: Transition, *, account: str, region: str) -> dict[str, Any]:
    """The message that CloudWatch sends to a topic.

    Args:
        change: What happened.
        account: AWS account.
        region: The region in words: that is how the message names it.
    """
    alarm = change.alarm
    common = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": account,
        "NewStateValue": change.after,
        "NewStateReason": alarm.get("StateReason", ""),
        "StateChangeTime": stamp(change.at),
        "Region": region,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": change.before,
    }
    if "AlarmRule" in alarm:
        triggering = json.loads(alarm.get("StateReasonData") or "{}").get("triggeringAlarms", [])
        return {
            **common,
            "AlarmRule": alarm["AlarmRule"],
            "TriggeringChildren": [
                {
                    "Arn": child["arn"],
                    "State": {"Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"]},
                }
                for child in triggering
            ],
        }
    return {
        **common,
        "AlarmConfigurationUpdatedTimestamp": stamp(alarm["AlarmConfigurationUpdatedTimestamp"]),
        "OKActions": alarm.get("OKActions", []),
        "AlarmActions": alarm.get("AlarmActions", []),
        "InsufficientDataActions": alarm.get("InsufficientDataActions", []),
        "Trigger": _trigger(alarm),
    }


def _trigger(alarm: dict[str, Any]) -> dict[str, Any]:
    extended = alarm.get("ExtendedStatistic")
    statistic = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": extended}
        if extended
        else {"StatisticType": "Statistic", "Statistic": STATISTICS.get(alarm.get("Statistic", ""), "AVERAGE")}
    )
    periods = {"DatapointsToAlarm": alarm["DatapointsToAlarm"]} if alarm.get("DatapointsToAlarm") else {}
    return {
        "MetricName": alarm["MetricName"],
        "Namespace": alarm["Namespace"],
        **statistic,
        "Unit": alarm.get("Unit"),
        "Dimensions": [{"value": item["Value"], "name": item["Name"]} for item in alarm.get("Dimensions", [])],
        "Period": alarm["Period"],
        "EvaluationPeriods": alarm["EvaluationPeriods"],
        **periods,
        "ComparisonOperator": alarm["ComparisonOperator"],
        "Threshold": alarm["Threshold"],
        "TreatMissingData": alarm.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": "",
    }


def state_of(change: Transition) -> dict[str, Any]:
    """The state as an event tells it."""
    alarm = change.alarm
    state = {"value": change.after, "reason": alarm.get("StateReason", ""), "timestamp": stamp(change.at)}
    return {**state, "reasonData": alarm["StateReasonData"]} if alarm.get("StateReasonData") else state


def configuration(alarm: dict[str, Any]) -> dict[str, Any]:
    """What the alarm watches, as an event tells it."""
    described = {"description": alarm["AlarmDescription"]} if alarm.get("AlarmDescription") else {}
    if "AlarmRule" in alarm:
        return {**described, "alarmRule": alarm["AlarmRule"]}
    metric = {
        "namespace": alarm["Namespace"],
        "name": alarm["MetricName"],
        "dimensions": {item["Name"]: item["Value"] for item in alarm.get("Dimensions", [])},
    }
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or ""
    measured = {"metric": metric, "period": alarm["Period"], "stat": stat}
    return {**described, "metrics": [{"id": "watched", "metricStat": measured, "returnData": True}]}


def stamp(moment: float) -> str:
    """Epoch seconds → ``2026-03-01T12:00:00.250+0000``."""
    at = dt.datetime.fromtimestamp(moment, dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def region_name(region: str) -> str:
    """``us-east-1`` → ``US East (N. Virginia)``, from botocore's own data; the code where it has none."""
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    for partition in partitions:
        if region in partition["regions"]:
            return str(partition["regions"][region].get("description", region))
    return region
