"""How an update shifts traffic from the old fleet to the new: DeploymentConfig as a list of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pocketaws.faults import invalid, not_emulated

# "Maximum 50% of the total fleet" (CanarySize); "10-50% of the total fleet" (LinearStepSize).
LARGEST_STEP = 0.5
SMALLEST_LINEAR_STEP = 0.1


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
    """

    steps: tuple[Step, ...] = (Step(1.0, 0.0),)
    alarms: tuple[str, ...] = ()
    timeout: float | None = None


def plan(config: Mapping[str, Any], instances: int) -> Plan:
    """The steps that a DeploymentConfig asks for.

    Args:
        config: DeploymentConfig; empty for a change all at once.
        instances: Instances of the new fleet, of which ``INSTANCE_COUNT`` sizes are a part.

    Raises:
        Fault: A size is missing or outside its limits, or a rolling update is asked for.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
    """
    if config.get("RollingUpdatePolicy"):
        raise not_emulated("RollingUpdatePolicy of DeploymentConfig")
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    policy = config.get("BlueGreenUpdatePolicy", {})
    termination_wait = float(policy.get("TerminationWaitInSeconds", 0))
    return Plan(
        _steps(policy.get("TrafficRoutingConfiguration", {}), termination_wait, instances),
        tuple(alarm["AlarmName"] for alarm in alarms),
        policy.get("MaximumExecutionTimeoutInSeconds"),
    )


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
