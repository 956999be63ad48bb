"""How an update shifts traffic from the old fleet to the new: DeploymentConfig as a list of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pocketaws.faults import invalid

# "Maximum 50% of the total fleet" (CanarySize); "10-50% of the total fleet" (LinearStepSize).
LARGEST_STEP = 0.5
SMALLEST_LINEAR_STEP = 0.1
# "5% to 50% of the variant's total instance count" (MaximumBatchSize of a rolling update).
SMALLEST_BATCH = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the traffic for the new fleet, held for a time in which alarms are watched.

    Attributes:
        share: 0 to 1.
        seconds: How long it is held before the next step, or before the old fleet is stopped.
    """

    share: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A deployment.

    Attributes:
        steps: The last has all of the traffic.
        alarms: Names of the alarms any of which, in ALARM, rolls the deployment back.
        timeout: Longest time of it all in seconds, or None.
        rolling: Whether the old fleet shrinks as the new one grows; else both are whole until the end.
        way_back: Shares of the new fleet while it is rolled back, the last 0.
    """

    steps: tuple[Step, ...] = (Step(1.0, 0.0),)
    alarms: tuple[str, ...] = ()
    timeout: float | None = None
    rolling: bool = False
    way_back: tuple[float, ...] = (0.0,)


def plan(config: Mapping[str, Any], instances: int) -> Plan:
    """The steps that a DeploymentConfig asks for.

    Args:
        config: DeploymentConfig; empty for a change all at once.
        instances: Instances of the new fleet, of which ``INSTANCE_COUNT`` sizes are a part.

    Raises:
        Fault: A size is missing or outside its limits, or both kinds of policy are given.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
        https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """
    rolling, policy = config.get("RollingUpdatePolicy", {}), config.get("BlueGreenUpdatePolicy", {})
    if rolling and policy:
        raise invalid("DeploymentConfig has both a BlueGreenUpdatePolicy and a RollingUpdatePolicy; give one of them")
    alarms = tuple(alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
    if rolling:
        return _rolling(rolling, alarms, instances)
    termination_wait = float(policy.get("TerminationWaitInSeconds", 0))
    return Plan(
        _steps(policy.get("TrafficRoutingConfiguration", {}), termination_wait, instances),
        alarms,
        policy.get("MaximumExecutionTimeoutInSeconds"),
    )


def _rolling(policy: Mapping[str, Any], alarms: tuple[str, ...], instances: int) -> Plan:
    """Batches of instances, each held for the wait; on the way back in batches of their own size, without a wait."""
    batch = _batch(policy["MaximumBatchSize"], instances, "MaximumBatchSize", largest=LARGEST_STEP)
    back = _batch(
        policy.get("RollbackMaximumBatchSize", {"Type": "CAPACITY_PERCENT", "Value": 100}),
        instances,
        "RollbackMaximumBatchSize",
        largest=1.0,
    )
    wait = float(policy["WaitIntervalInSeconds"])
    total = max(instances, 1)
    return Plan(
        tuple(Step(min(moved, total) / total, wait) for moved in range(batch, total + batch, batch)),
        alarms,
        policy.get("MaximumExecutionTimeoutInSeconds"),
        rolling=True,
        way_back=tuple(max(left, 0) / total for left in range(total - back, -back, -back)),
    )


def _batch(size: Mapping[str, Any], instances: int, member: str, *, largest: float) -> int:
    """Instances of a batch: at least one, however small a share of the fleet was asked for."""
    percent = size["Type"] == "CAPACITY_PERCENT"
    share = size["Value"] / (100 if percent else max(instances, 1))
    # A single instance is the whole fleet and yet the least that can be replaced.
    if not SMALLEST_BATCH <= share <= largest and (percent or instances > 1):
        raise invalid(
            f"{member} must be between 5% and {largest:.0%} of the variant's {instances} instances; it is {share:.0%}"
        )
    return max(1, min(int(share * instances), max(instances, 1)))


def _steps(routing: Mapping[str, Any], termination_wait: float, instances: int) -> tuple[Step, ...]:
    wait = float(routing.get("WaitIntervalInSeconds", 0))
    last = Step(1.0, termination_wait)
    match routing.get("Type", "ALL_AT_ONCE"):
        case "CANARY":
            return Step(_size(routing, "CanarySize", instances), wait), last
        case "LINEAR":
            step = _size(routing, "LinearStepSize", instances)
            if step < SMALLEST_LINEAR_STEP:
                raise invalid(f"LinearStepSize must be between 10% and 50% of the fleet; it is {step:.0%}")
            before = tuple(Step(step * number, wait) for number in range(1, round(1 / step) + 1) if step * number < 1)
            return *before, last
        case _:
            return (last,)


def _size(routing: Mapping[str, Any], member: str, instances: int) -> float:
    if member not in routing:
        raise invalid(f"TrafficRoutingConfiguration of type {routing['Type']} needs {member}")
    size = routing[member]
    # An instance is the least that can be shifted, though here it is only a share of requests.
    share = size["Value"] / (100 if size["Type"] == "CAPACITY_PERCENT" else max(instances, 1))
    if not 0 < share <= LARGEST_STEP:
        raise invalid(f"{member} must be at most 50% of the fleet of {instances} instances; it is {share:.0%}")
    return float(share)
