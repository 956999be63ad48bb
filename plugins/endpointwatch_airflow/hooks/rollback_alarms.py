"""The CloudWatch alarms that send an update back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.aws import AwsHook


class RollbackAlarmsHook(AwsHook):
    """Make alarms, and ask whether they are there and how they stand.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "cloudwatch"
        super().__init__(*args, **kwargs)

    @property
    def client(self) -> Any:
        """The boto3 client. Typed as Any: boto3 has no types, and nothing of it leaves this class."""
        return self.conn

    def ensure(self, requests: Iterable[Request]) -> None:
        """Make the alarms, or make them again as declared; the state of one that is there stays."""
        for request in requests:
            self.client.put_metric_alarm(**request)

    def states(self, names: Sequence[str]) -> dict[str, str]:
        """The states of those of the alarms that exist, by name: ``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``."""
        if not names:
            return {}
        answer = self.client.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return {
            alarm["AlarmName"]: alarm["StateValue"]
            for kind in ("MetricAlarms", "CompositeAlarms")
            for alarm in answer.get(kind, ())
        }

    def sums(
        self, metrics: Sequence[str], dimensions: Mapping[str, str], *, start: datetime, end: datetime
    ) -> dict[str, float]:
        """Sums of metrics of ``AWS/SageMaker`` over a span of time, by name; 0 where there are no data."""
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": named},
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
