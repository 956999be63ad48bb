"""The CloudWatch alarms that send an update back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from endpointwatch_airflow.hooks.answers import Request


class RollbackAlarmsHook(AwsBaseHook):
    """Make alarms, and ask whether they are there and how they stand.

    Args:
        args: As :class:`AwsBaseHook` takes them.
        kwargs: As :class:`AwsBaseHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
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
