"""The alarms of an endpoint as CloudWatch takes them, and the names of what carries their messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from endpointwatch.actions.naming import tags
from endpointwatch.config.alarms import CompositeAlarm, MetricAlarm, in_rule
from endpointwatch.config.endpoint import Endpoint

#: Where the monitors' own metrics go; AWS's namespaces are not open to callers.
MONITORS_NAMESPACE: Final = "EndpointWatch"
#: The sweep looks at what messages tell of, so older ones are of no use.
QUEUE_ATTRIBUTES: Final[Mapping[str, str]] = {"MessageRetentionPeriod": "3600", "VisibilityTimeout": "60"}
COMPARISONS: Final = {
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
    "<": "LessThanThreshold",
    "<=": "LessThanOrEqualToThreshold",
}


def alarm_prefix(endpoint: str) -> str:
    """What the names of the endpoint's alarms begin with. Endpoints' names have no slash, so no other's do."""
    return f"endpointwatch/{endpoint}/"


def alarm_name(endpoint: str, name: str) -> str:
    """CloudWatch's name of the alarm that the endpoint's file calls ``name``."""
    return f"{alarm_prefix(endpoint)}{name}"


def declared_name(endpoint: str, full_name: str) -> str | None:
    """What the endpoint's file calls the alarm; None when it is none of this endpoint."""
    prefix = alarm_prefix(endpoint)
    return full_name.removeprefix(prefix) if full_name.startswith(prefix) else None


def channel_name(endpoint: str) -> str:
    """Of the endpoint's SNS topic and SQS queue; at most 77 characters, of 80 that SQS allows."""
    return f"endpointwatch-{endpoint}"


def alarm_requests(endpoint: Endpoint, topic_arn: str) -> dict[str, dict[str, Any]]:
    """The bodies of ``PutMetricAlarm`` and ``PutCompositeAlarm``, by full name; composites last, as they need the rest.

    Args:
        endpoint: Its ``alarms`` section is followed.
        topic_arn: Where the alarms send their messages; those without actions send none.
    """
    requests = {}
    for name, alarm in endpoint.alarms.declared.items():
        common: dict[str, Any] = {
            "AlarmName": alarm_name(endpoint.name, name),
            "AlarmDescription": _description(endpoint, name, alarm),
            "ActionsEnabled": True,
            "AlarmActions": [topic_arn] if alarm.actions else [],
            "Tags": tags(endpoint),
        }
        own = metric_members(endpoint, alarm) if isinstance(alarm, MetricAlarm) else _composite(endpoint, alarm)
        requests[alarm_name(endpoint.name, name)] = {**common, **own}
    return requests


def is_composite(request: Mapping[str, Any]) -> bool:
    return "AlarmRule" in request


def differences(request: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[str, ...]:
    """Members of the request that the live alarm does not have so. Tags can only be given at creation."""
    return tuple(
        key for key, value in request.items() if key != "Tags" and _comparable(value) != _comparable(live.get(key))
    )


def queue_policy(queue_arn: str, topic_arn: str) -> str:
    """The queue's policy: the topic, and nothing else, may send to it."""
    statement = {
        "Sid": "AlarmTopic",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, sort_keys=True)


def metric_members(endpoint: Endpoint, alarm: MetricAlarm) -> dict[str, Any]:
    """The members of ``PutMetricAlarm`` that say what is watched, and when it breaches."""
    dimensions = alarm.dimensions
    if dimensions is None and alarm.monitor is not None:
        dimensions = monitor_dimensions(endpoint.name, alarm.monitor)
    elif dimensions is None:
        dimensions = {"EndpointName": endpoint.name, "VariantName": endpoint.hosting.variant_name}
    statistic = "ExtendedStatistic" if alarm.statistic.startswith("p") else "Statistic"
    return {
        "Namespace": alarm.namespace if alarm.monitor is None else MONITORS_NAMESPACE,
        "MetricName": alarm.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())],
        statistic: alarm.statistic,
        "Period": alarm.period_seconds,
        "EvaluationPeriods": alarm.periods,
        "DatapointsToAlarm": alarm.datapoints or alarm.periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": COMPARISONS[alarm.comparison],
        "TreatMissingData": alarm.missing_data,
    }


def _composite(endpoint: Endpoint, alarm: CompositeAlarm) -> dict[str, Any]:
    full = {name: alarm_name(endpoint.name, name) for name in endpoint.alarms.declared}
    return {"AlarmRule": in_rule(alarm.rule, full)}


def monitor_dimensions(endpoint: str, monitor: str) -> dict[str, str]:
    """Of the CloudWatch metrics of a monitor, as AWS's monitoring schedules publish them."""
    return {"Endpoint": endpoint, "MonitoringSchedule": f"{endpoint}-{monitor}"}


def _description(endpoint: Endpoint, name: str, alarm: MetricAlarm | CompositeAlarm) -> str:
    answers = ", ".join(alarm.actions) or "nothing"
    return f"{alarm.description} [{alarm.severity}; answered by: {answers}; {endpoint.name}: alarms, {name}]".lstrip()


def _comparable(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return sorted(json.dumps(item, sort_keys=True) for item in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
