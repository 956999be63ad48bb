"""``DeploymentConfig`` of ``UpdateEndpoint``, and the alarms that send an update back, as the YAML declares them.

References:
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from typing import Any, Final

from endpointwatch.actions.naming import tags
from endpointwatch.config.deployment import DeploymentSettings, MetricAlarm, Step
from endpointwatch.config.endpoint import Endpoint

INVOCATIONS: Final = "AWS/SageMaker"
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
    """Names of the alarms that are watched; none while there is no wait in which they could be."""
    if not endpoint.deployment.watches:
        return ()
    made = (request["AlarmName"] for request in alarm_requests(endpoint))
    return (*made, *endpoint.deployment.rollback_alarms.names)


def alarm_requests(endpoint: Endpoint) -> tuple[dict[str, Any], ...]:
    """The bodies of ``PutMetricAlarm`` for the alarms that the file describes (not for those it only names).

    Missing data do not breach: an endpoint without traffic would otherwise never take a new version.
    """
    if not endpoint.deployment.watches:
        return ()
    alarms = endpoint.deployment.rollback_alarms
    requests = []
    if alarms.latency is not None:
        told: dict[str, Any] = {"MetricName": "ModelLatency", "Threshold": alarms.latency.milliseconds * MICROSECONDS}
        requests.append(_alarm(endpoint, "latency", alarms.latency.statistic, periods=alarms.latency.periods, **told))
    if alarms.errors is not None:
        told = {"MetricName": "Invocation5XXErrors", "Threshold": alarms.errors.share}
        requests.append(_alarm(endpoint, "5xx", "Average", periods=alarms.errors.periods, **told))
    requests += [_own(endpoint, alarm) for alarm in alarms.metrics]
    return tuple(requests)


def _own(endpoint: Endpoint, alarm: MetricAlarm) -> dict[str, Any]:
    dimensions = alarm.dimensions
    if alarm.monitor is not None:
        # As the jobs publish them, after AWS's monitoring schedules.
        dimensions = {"Endpoint": endpoint.name, "MonitoringSchedule": f"{endpoint.name}-{alarm.monitor}"}
    return _alarm(
        endpoint,
        alarm.name,
        alarm.statistic,
        dimensions=dimensions or None,
        periods=alarm.periods,
        MetricName=alarm.metric,
        Namespace=alarm.namespace,
        Period=alarm.period_seconds,
        Threshold=alarm.above if alarm.above is not None else alarm.below,
        ComparisonOperator="GreaterThanThreshold" if alarm.above is not None else "LessThanThreshold",
    )


def _alarm(
    endpoint: Endpoint,
    name: str,
    statistic: str,
    *,
    periods: int,
    dimensions: dict[str, str] | None = None,
    **told: Any,
) -> dict[str, Any]:
    named = dimensions or {"EndpointName": endpoint.name, "VariantName": endpoint.hosting.variant_name}
    return {
        "AlarmName": f"endpointwatch-rollback/{endpoint.name}/{name}",
        "AlarmDescription": f"Sends an update of endpoint {endpoint.name} back while it is under way.",
        "ActionsEnabled": False,
        "Namespace": INVOCATIONS,
        "Period": 60,
        "EvaluationPeriods": periods,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Dimensions": [{"Name": key, "Value": value} for key, value in sorted(named.items())],
        "ExtendedStatistic" if statistic.startswith("p") else "Statistic": statistic,
        "Tags": tags(endpoint),
        **told,
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
