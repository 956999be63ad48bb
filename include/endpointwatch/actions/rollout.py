"""``DeploymentConfig`` of ``UpdateEndpoint``, and the alarms that send an update back, as the YAML declares them.

References:
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from typing import Any, Final

from endpointwatch.actions.alarm_requests import alarm_name, declared_name, metric_members
from endpointwatch.actions.naming import tags
from endpointwatch.config.alarms import MetricAlarm
from endpointwatch.config.deployment import DeploymentSettings, Step
from endpointwatch.config.endpoint import Endpoint

MICROSECONDS: Final = 1000.0


def deployment_config(endpoint: Endpoint) -> dict[str, Any]:
    """The declared strategy; empty for all at once without a wait, which is what SageMaker does unasked."""
    settings = endpoint.deployment
    alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in rollback_alarms(endpoint)]}}
    watched = alarms if rollback_alarms(endpoint) else {}
    limit = {} if settings.maximum_seconds is None else {"MaximumExecutionTimeoutInSeconds": settings.maximum_seconds}
    if settings.strategy == "rolling":
        policy = {"MaximumBatchSize": _size(settings.step), "WaitIntervalInSeconds": settings.wait_seconds, **limit}
        return {"RollingUpdatePolicy": policy, **watched}
    if settings.strategy == "all_at_once" and not settings.termination_wait_seconds and not limit:
        return {}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": _routing(settings),
            "TerminationWaitInSeconds": settings.termination_wait_seconds,
            **limit,
        },
        **watched,
    }


def rollback_alarms(endpoint: Endpoint) -> tuple[str, ...]:
    """CloudWatch's names of the alarms that are watched; none while there is no wait in which they could be."""
    if not endpoint.deployment.watches:
        return ()
    made = (request["AlarmName"] for request in alarm_requests(endpoint))
    declared = endpoint.alarms.declared
    named = endpoint.deployment.rollback_alarms.names
    return (*made, *(alarm_name(endpoint.name, name) if name in declared else name for name in named))


def watches_declared_alarms(endpoint: Endpoint) -> bool:
    """Whether alarms of the file's ``alarms`` section are watched."""
    return any(declared_name(endpoint.name, name) for name in rollback_alarms(endpoint))


def alarm_requests(endpoint: Endpoint) -> tuple[dict[str, Any], ...]:
    """The bodies of ``PutMetricAlarm`` for the alarms that ``rollback_alarms`` describes, not for those it only names.

    Missing data do not breach: an endpoint without traffic would otherwise never take a new version.
    """
    if not endpoint.deployment.watches:
        return ()
    latency, errors = endpoint.deployment.rollback_alarms.latency, endpoint.deployment.rollback_alarms.errors
    alarms = {}
    if latency is not None:
        alarms["latency"] = MetricAlarm(
            metric="ModelLatency",
            statistic=latency.statistic,
            threshold=latency.milliseconds * MICROSECONDS,
            periods=latency.periods,
        )
    if errors is not None:
        alarms["5xx"] = MetricAlarm(metric="Invocation5XXErrors", threshold=errors.share, periods=errors.periods)
    return tuple(_request(endpoint, name, alarm) for name, alarm in alarms.items())


def _request(endpoint: Endpoint, name: str, alarm: MetricAlarm) -> dict[str, Any]:
    return {
        "AlarmName": f"endpointwatch-rollback/{endpoint.name}/{name}",
        "AlarmDescription": f"Sends an update of endpoint {endpoint.name} back while it is under way.",
        "ActionsEnabled": False,
        "Tags": tags(endpoint),
        **metric_members(endpoint, alarm),
    }


def _routing(settings: DeploymentSettings) -> dict[str, Any]:
    kind = settings.strategy.upper()
    size = {"canary": "CanarySize", "linear": "LinearStepSize"}.get(settings.strategy)
    wait = settings.wait_seconds if size else 0
    return {"Type": kind, "WaitIntervalInSeconds": wait, **({size: _size(settings.step)} if size else {})}


def _size(step: Step) -> dict[str, Any]:
    if step.instances is not None:
        return {"Type": "INSTANCE_COUNT", "Value": step.instances}
    return {"Type": "CAPACITY_PERCENT", "Value": step.percent}
