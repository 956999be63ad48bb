"""Make, remove and set CloudWatch alarms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.hooks.alarm_channel import QueueHook, TopicHook
from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.hooks.declared_alarms import ensure_alarms


class CloudWatchOperator(AwsBaseOperator[CloudWatchHook]):
    """Base of the operators on alarms: CloudWatch by ``self.hook``."""

    aws_hook_class = CloudWatchHook
    template_fields: Sequence[str] = aws_template_fields()


class PutAlarmOperator(CloudWatchOperator):
    """Make an alarm, or change the one of that name; its state stays.

    Args:
        request: Of ``PutMetricAlarm``, or of ``PutCompositeAlarm`` if it has an ``AlarmRule`` (templated).
        kwargs: ``aws_conn_id``, ``region_name``, ``verify``, ``botocore_config``, and what every operator takes.

    Returns:
        The alarm's name.
    """

    template_fields: Sequence[str] = aws_template_fields("request")

    def __init__(self, *, request: Request, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request = request

    def execute(self, context: Context) -> str:  # noqa: ARG002 - Airflow's signature
        self.hook.put_alarm(self.request)
        return str(self.request["AlarmName"])


class DeleteAlarmsOperator(CloudWatchOperator):
    """Remove alarms; those that are gone already are no error.

    Args:
        alarm_names: Their names (templated).
        kwargs: As :class:`PutAlarmOperator` takes them.
    """

    template_fields: Sequence[str] = aws_template_fields("alarm_names")

    def __init__(self, *, alarm_names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alarm_names = list(alarm_names)

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        self.hook.delete_alarms(self.alarm_names)


class SetAlarmStateOperator(CloudWatchOperator):
    """Set an alarm's state until its next evaluation, to see what follows from it.

    Args:
        alarm_name: Its name (templated).
        state: ``OK``, ``ALARM`` or ``INSUFFICIENT_DATA`` (templated).
        reason: In a person's words (templated).
        kwargs: As :class:`PutAlarmOperator` takes them.
    """

    template_fields: Sequence[str] = aws_template_fields("alarm_name", "state", "reason")

    def __init__(self, *, alarm_name: str, state: str, reason: str = "Set from Airflow", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alarm_name = alarm_name
        self.state = state
        self.reason = reason

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        self.hook.set_state(self.alarm_name, self.state, self.reason)


class EnsureAlarmsOperator(CloudWatchOperator):
    """Make the endpoint's alarms what its file declares, and the way of their messages: topic, queue, subscription.

    What is as declared is not touched. Alarms of this endpoint that are declared no longer are removed; whose they are
    is told by their name (``endpointwatch/<endpoint>/…``), and others are never touched.

    Args:
        endpoint: The endpoint.
        kwargs: As :class:`PutAlarmOperator` takes them.

    Returns:
        ``made``, ``changed``, ``removed`` and ``kept``: names as the file has them.
    """

    def __init__(self, *, endpoint: Endpoint, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint

    @cached_property
    def topics(self) -> TopicHook:
        return TopicHook(**self._hook_parameters)

    @cached_property
    def queues(self) -> QueueHook:
        return QueueHook(**self._hook_parameters)

    def execute(self, context: Context) -> dict[str, list[str]]:  # noqa: ARG002 - Airflow's signature
        return ensure_alarms(self.endpoint, self.hook, self.topics, self.queues)
