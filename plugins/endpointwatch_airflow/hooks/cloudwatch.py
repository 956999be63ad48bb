"""CloudWatch's alarms and sums, as operators, sensors and triggers see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from endpointwatch.actions.alarm_requests import is_composite
from endpointwatch.config.alarm_defaults import INVOCATIONS
from endpointwatch_airflow.hooks.answers import AlarmEvent, LiveAlarm, Request
from endpointwatch_airflow.hooks.metrics import MetricsHook

TYPES: Final = ("MetricAlarm", "CompositeAlarm")
KINDS: Final = ("MetricAlarms", "CompositeAlarms")
#: DeleteAlarms and DescribeAlarms take so many names.
AT_ONCE: Final = 100


class CloudWatchHook(MetricsHook):
    """Alarms of both kinds, and sums of SageMaker's metrics; metrics are put by :meth:`publish`.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    @property
    def client(self) -> Any:
        """The boto3 client. Typed as Any: boto3 has no types, and nothing of it leaves this class."""
        return self.conn

    def alarms(self, prefix: str, *, state: str | None = None) -> tuple[LiveAlarm, ...]:
        """The alarms whose names begin with ``prefix``, those in ``state`` only if it is given."""
        asked: Request = {"AlarmNamePrefix": prefix, "AlarmTypes": list(TYPES)}
        if state is not None:
            asked["StateValue"] = state
        pages = self.client.get_paginator("describe_alarms").paginate(**asked)
        return tuple(alarm for page in pages for alarm in alarms_of(page))

    def alarm(self, name: str) -> LiveAlarm | None:
        """The alarm of that name; None when there is none."""
        return next(iter(self._named([name])), None)

    def states(self, names: Sequence[str]) -> dict[str, str]:
        """The states of those of at most 100 alarms that exist, by name."""
        return {alarm.name: alarm.state for alarm in self._named(names)} if names else {}

    def _named(self, names: Sequence[str]) -> Iterator[LiveAlarm]:
        return alarms_of(self.client.describe_alarms(AlarmNames=list(names), AlarmTypes=list(TYPES)))

    def put_alarm(self, request: Request) -> None:
        """Make an alarm or change it; its state stays.

        Args:
            request: Of ``PutCompositeAlarm`` when it has an ``AlarmRule``, else of ``PutMetricAlarm``.
        """
        if is_composite(request):
            self.client.put_composite_alarm(**request)
        else:
            self.client.put_metric_alarm(**request)

    def delete_alarms(self, names: Iterable[str]) -> None:
        """Delete alarms; those that are gone already are no error.

        Composite ones go first and one by one: CloudWatch takes one a call, and none that others rest on.
        """
        wanted = list(names)
        composites: list[str] = []
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            answer = self.client.describe_alarms(AlarmNames=part, AlarmTypes=["CompositeAlarm"])
            composites += [alarm["AlarmName"] for alarm in answer["CompositeAlarms"]]
        rest = [name for name in wanted if name not in composites]
        for group in [
            *([name] for name in composites),
            *(rest[at : at + AT_ONCE] for at in range(0, len(rest), AT_ONCE)),
        ]:
            try:
                self.client.delete_alarms(AlarmNames=group)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("ResourceNotFound", "ResourceNotFoundException"):
                    raise

    def set_state(self, name: str, state: str, reason: str) -> None:
        """Set an alarm's state for a moment: its next evaluation sets it again."""
        self.client.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)

    def history(self, name: str, *, since: datetime) -> tuple[AlarmEvent, ...]:
        """The changes of an alarm's state, oldest first."""
        pages = self.client.get_paginator("describe_alarm_history").paginate(
            AlarmName=name,
            AlarmTypes=list(TYPES),
            HistoryItemType="StateUpdate",
            StartDate=since,
            ScanBy="TimestampAscending",
        )
        return tuple(
            AlarmEvent(item["AlarmName"], item["Timestamp"], item["HistorySummary"])
            for page in pages
            for item in page["AlarmHistoryItems"]
        )

    def sums(
        self, metrics: Sequence[str], dimensions: Mapping[str, str], *, start: datetime, end: datetime
    ) -> dict[str, float]:
        """Sums of metrics of ``AWS/SageMaker`` over a span of time, by name; 0 where there are no data."""
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {"Namespace": INVOCATIONS, "MetricName": name, "Dimensions": named},
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for number, name in enumerate(metrics)
        ]
        totals = dict.fromkeys(metrics, 0.0)
        pages = self.client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=start, EndTime=end
        )
        for page in pages:
            for found in page["MetricDataResults"]:
                totals[metrics[int(found["Id"][1:])]] += sum(found["Values"])
        return totals


def alarms_of(answer: Mapping[str, Any]) -> Iterator[LiveAlarm]:
    """The alarms of one answer of ``DescribeAlarms``; shared by worker and triggerer."""
    for kind in KINDS:
        for alarm in answer.get(kind, ()):
            yield LiveAlarm(
                name=alarm["AlarmName"],
                state=alarm["StateValue"],
                # The one is newer than the other in the API, and not in every answer.
                changed_at=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
                reason=alarm.get("StateReason", ""),
                settings=alarm,
            )
