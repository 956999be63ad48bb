"""CloudWatch alarms, evaluated as CloudWatch documents it.

The base emulator keeps alarms, their history and their actions, but evaluates wrongly (it ignores dimensions, M of N
and missing data), so its evaluation is switched off and done here, as an ordinary client: GetMetricData, SetAlarmState.

References:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import operator
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pocketaws.alarm_actions import AlarmActions
from pocketaws.alarm_requests import guard

if TYPE_CHECKING:
    from pocketaws.world import World

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
STATISTICS = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})
_PERCENTILE = re.compile(r"p\d{1,2}(\.\d{1,10})?|p100")
# AWS looks further back than the evaluation periods, in case data are missing; its example is 5 for 3.
EXTRA_PERIODS = 2
# GetMetricData takes 500 queries a call.
MAX_QUERIES = 500
Point = float | None


def decide(
    points: Sequence[Point],
    *,
    breaching: Callable[[float], bool],
    periods: int,
    to_alarm: int,
    missing: str,
    state: str,
) -> str:
    """An alarm's state from the data points of its evaluation range.

    Real data points are taken first, the newest first; missing ones are filled in only when there are fewer real ones
    than ``periods``. With ``missing`` and ``ignore`` nothing is filled in; then an alarm with no data goes to
    INSUFFICIENT_DATA, or keeps its state. Breaching data alone, too few for an alarm, make one under ``missing`` when
    the oldest is at least ``to_alarm`` periods old ("premature alarm state"); until then the state is kept, as the next
    data point may not breach.

    Args:
        points: Values by period, newest first; None where there is none. At least ``periods`` long.
        breaching: Whether a value breaches the threshold.
        periods: EvaluationPeriods, N.
        to_alarm: DatapointsToAlarm, M.
        missing: TreatMissingData: ``missing``, ``ignore``, ``breaching`` or ``notBreaching``.
        state: The state the alarm is in.

    Returns:
        ``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``.

    References:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    real = [(age, breaching(value)) for age, value in enumerate(points, start=1) if value is not None][:periods]
    bad = [age for age, breaches in real if breaches]
    filled = periods - len(real) if missing == "breaching" else 0
    if len(bad) + filled >= to_alarm:
        return ALARM
    if len(bad) < len(real) or missing in {"breaching", "notBreaching"}:
        return OK
    if missing == "ignore":
        return state
    if not real:
        return INSUFFICIENT_DATA
    return ALARM if bad[-1] >= to_alarm else state


@dataclass(frozen=True, slots=True)
class Watched:
    """What of a metric alarm is needed to evaluate it.

    Attributes:
        metric: Namespace, MetricName, Dimensions.
        statistic: ``Sum``, ``p99.9``, …
        period: Seconds.
    """

    metric: dict[str, Any]
    statistic: str
    period: int


class NotEvaluated(Exception):  # noqa: N818 - read as what it is
    """The alarm is of a kind that is not evaluated here; the text says why."""


def watched(alarm: dict[str, Any]) -> Watched:
    """The single metric that an alarm watches.

    Raises:
        NotEvaluated: Metric math, anomaly detection, or a statistic other than the basic ones and percentiles.
    """
    if alarm["ComparisonOperator"] not in COMPARISONS:
        raise NotEvaluated(f"{alarm['ComparisonOperator']} (anomaly detection) is not evaluated")
    if "MetricName" in alarm:
        # An alarm has one of the two, but the base emulator answers Average beside an extended statistic.
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or ""
        metric: dict[str, Any] = {
            name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm
        }
        period = alarm["Period"]
    else:
        queries = alarm.get("Metrics", [])
        if len(queries) != 1 or "MetricStat" not in queries[0]:
            raise NotEvaluated("metric math is not evaluated")
        stat = queries[0]["MetricStat"]
        statistic, metric, period = stat["Stat"], stat["Metric"], stat["Period"]
    if statistic not in STATISTICS and not _PERCENTILE.fullmatch(statistic):
        raise NotEvaluated(f"the statistic {statistic!r} is not evaluated; the basic ones and percentiles are")
    return Watched(metric, statistic, int(period))


class Alarms:
    """Evaluates every metric alarm again and again, and tells SNS and EventBridge of every change of state.

    Args:
        world: The local AWS.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._actions = AlarmActions(world)
        self._told: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Switch the base emulator's own evaluation off and begin."""
        from ministack.services import cloudwatch as emulator  # noqa: PLC0415 - reads its settings when imported

        # A private name, as those that the actions and the guard replace; all fail at the start when one has moved.
        if not callable(getattr(emulator, "_evaluate_alarm", None)):
            raise RuntimeError(  # noqa: TRY004 - nobody passed a wrong type
                "The base emulator has no `_evaluate_alarm` to switch off; its alarms would be wrong"
            )
        emulator._evaluate_alarm = lambda alarm: None  # noqa: SLF001, ARG005 - see above
        guard(emulator)
        self._actions.start(emulator)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._actions.close()

    def evaluate(self, now: float) -> None:
        """Evaluate every alarm once.

        Args:
            now: Epoch seconds.
        """
        by_period: dict[int, list[tuple[dict[str, Any], Watched]]] = {}
        for alarm in self._all():
            with self._held_up_by_none(alarm):
                watch = self._watched(alarm)
                by_period.setdefault(watch.period, []).append((alarm, watch))
        for period, due in by_period.items():
            for first in range(0, len(due), MAX_QUERIES):
                self._evaluate(due[first : first + MAX_QUERIES], period, now)

    def _run(self) -> None:
        while not self._closing.wait(self._world.settings.alarm_seconds):
            try:
                self.evaluate(time.time())
            except Exception as error:  # noqa: BLE001 - the next round may do better
                print(f"pocketaws: alarms could not be evaluated: {error!r}", file=sys.stderr)

    def _all(self) -> list[dict[str, Any]]:
        # Composite alarms follow their children in the base emulator, at once.
        pages = self._world.aws("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
        return [alarm for page in pages for alarm in page["MetricAlarms"]]

    def _watched(self, alarm: dict[str, Any]) -> Watched:
        watch = watched(alarm)
        if not watch.metric.get("Dimensions"):
            self._only_without_dimensions(watch)
        return watch

    def _evaluate(self, due: list[tuple[dict[str, Any], Watched]], period: int, now: float) -> None:
        """Evaluate alarms whose periods are equally long."""
        count = EXTRA_PERIODS + max(alarm["EvaluationPeriods"] for alarm, _ in due)
        points = self._points([watch for _, watch in due], period, count, now)
        for (alarm, watch), newest in zip(due, points, strict=True):
            with self._held_up_by_none(alarm):
                self._settle(alarm, watch, newest[: alarm["EvaluationPeriods"] + EXTRA_PERIODS])

    def _settle(self, alarm: dict[str, Any], watch: Watched, points: list[Point]) -> None:
        """Set the state that the alarm's data points call for, if it is another one."""
        periods = alarm["EvaluationPeriods"]
        compare, threshold = COMPARISONS[alarm["ComparisonOperator"]], alarm["Threshold"]
        state = decide(
            points,
            breaching=lambda value: compare(value, threshold),
            periods=periods,
            to_alarm=alarm.get("DatapointsToAlarm") or periods,
            missing=alarm.get("TreatMissingData") or "missing",
            state=alarm["StateValue"],
        )
        if state == alarm["StateValue"]:
            return
        reason, data = _reason(alarm, watch, points, state)
        self._world.aws("cloudwatch").set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason, StateReasonData=data
        )

    def _points(self, watches: Sequence[Watched], period: int, count: int, now: float) -> list[list[Point]]:
        """Of each metric the values of the newest ``count`` periods, newest first; one call for all of them.

        Periods begin at multiples of their length. The one in progress counts as soon as it has data.
        """
        newest = math.floor(now / period)
        # One more than asked for, as the one in progress may have none.
        answers = self._world.aws("cloudwatch").get_metric_data(
            StartTime=dt.datetime.fromtimestamp((newest - count) * period, dt.UTC),
            EndTime=dt.datetime.fromtimestamp((newest + 1) * period, dt.UTC),
            MetricDataQueries=[
                {"Id": f"m{place}", "MetricStat": {"Metric": watch.metric, "Period": period, "Stat": watch.statistic}}
                for place, watch in enumerate(watches)
            ],
        )["MetricDataResults"]
        found = []
        for answer in answers:
            values = {
                int(at.timestamp()) // period: value
                for at, value in zip(answer["Timestamps"], answer["Values"], strict=True)
            }
            latest = newest if newest in values else newest - 1
            found.append([values.get(latest - age) for age in range(count)])
        return found

    def _only_without_dimensions(self, watch: Watched) -> None:
        """A metric without dimensions is one of its own, but the base emulator answers the sum of all of that name.

        Raises:
            NotEvaluated: There are others of that name, so the answer would be wrong.
        """
        pages = (
            self._world.aws("cloudwatch")
            .get_paginator("list_metrics")
            .paginate(Namespace=watch.metric["Namespace"], MetricName=watch.metric["MetricName"])
        )
        if any(metric.get("Dimensions") for page in pages for metric in page["Metrics"]):
            raise NotEvaluated(
                "it names no dimensions, but there are metrics of that name with dimensions, and the base emulator "
                "cannot tell them apart; give the alarm dimensions"
            )

    @contextlib.contextmanager
    def _held_up_by_none(self, alarm: dict[str, Any]) -> Iterator[None]:
        """Tells why the alarm cannot be evaluated; the others are."""
        try:
            yield
        except NotEvaluated as reason:
            self._tell(alarm["AlarmName"], str(reason))
        except Exception as error:  # noqa: BLE001 - one alarm must not hold up the others
            self._tell(alarm["AlarmName"], repr(error))

    def _tell(self, alarm: str, problem: str) -> None:
        if (alarm, problem) not in self._told:
            self._told.add((alarm, problem))
            print(f"pocketaws: alarm {alarm!r} keeps its state: {problem}", file=sys.stderr)


def _reason(alarm: dict[str, Any], watch: Watched, points: list[Point], state: str) -> tuple[str, str]:
    """StateReason, worded after CloudWatch's, and StateReasonData."""
    periods = alarm["EvaluationPeriods"]
    recent = [value for value in points if value is not None][:periods]
    if recent:
        reason = (
            f"Threshold Crossed: {len(recent)} out of the last {periods} datapoints {recent} against "
            f"{alarm['ComparisonOperator']} {alarm['Threshold']} (minimum "
            f"{alarm.get('DatapointsToAlarm') or periods} datapoints for the state ALARM)."
        )
    elif state == INSUFFICIENT_DATA:
        reason = f"Insufficient Data: {len(points)} datapoints were unknown."
    else:
        treated = alarm.get("TreatMissingData") or "missing"
        reason = f"Threshold Crossed: no datapoints were received for {periods} periods, which counts as {treated}."
    data = {
        "version": "1.0",
        "statistic": watch.statistic,
        "period": watch.period,
        "recentDatapoints": recent[::-1],
        "threshold": alarm["Threshold"],
    }
    return reason, json.dumps(data)
