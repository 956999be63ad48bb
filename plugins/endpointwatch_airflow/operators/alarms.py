"""Make, remove and set CloudWatch alarms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.actions.alarm_requests import alarm_prefix, alarm_requests, declared_name, differences
from endpointwatch.actions.naming import tags
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.hooks.alarm_channel import QueueHook, TopicHook, ensure_channel
from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook


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
        return TopicHook(**self._aws)

    @cached_property
    def queues(self) -> QueueHook:
        return QueueHook(**self._aws)

    @property
    def _aws(self) -> dict[str, Any]:
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "config": self.botocore_config,
        }

    def execute(self, context: Context) -> dict[str, list[str]]:  # noqa: ARG002 - Airflow's signature
        name = self.endpoint.name
        live = {alarm.name: alarm for alarm in self.hook.alarms(alarm_prefix(name))}
        done: dict[str, list[str]] = {"made": [], "changed": [], "removed": [], "kept": []}
        # Before the alarms: one that goes off at once must have somebody to tell.
        topic = ensure_channel(self.topics, self.queues, name, tags(self.endpoint)) if self._declared else ""
        requests = alarm_requests(self.endpoint, topic)
        for full, request in requests.items():
            differing = differences(request, live[full].settings) if full in live else tuple(request)
            what = "made" if full not in live else "changed" if differing else "kept"
            if differing:
                self.log.info("Alarm %s: %s (%s)", full, what, ", ".join(differing))
                self.hook.put_alarm(request if full not in live else _without_tags(request))
            done[what].append(declared_name(name, full) or full)
        surplus = sorted(set(live) - set(requests))
        self.hook.delete_alarms(surplus)
        done["removed"] = [declared_name(name, full) or full for full in surplus]
        self.log.info("Alarms of %s: %s", name, done)
        return done

    @property
    def _declared(self) -> bool:
        return bool(self.endpoint.alarms.declared)


def _without_tags(request: Request) -> Request:
    # Given again for an alarm that is there, CloudWatch would leave them out, or refuse the call.
    return {key: value for key, value in request.items() if key != "Tags"}
