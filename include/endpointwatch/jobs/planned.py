"""A job under a plan of ours: read it, and run what it asks for."""

from __future__ import annotations

from pydantic import ValidationError

from endpointwatch.errors import PlanError
from endpointwatch.jobs import baseline, dataset, monitor, replay
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import PLAN, PLAN_ENVIRONMENT_KEY, BaselinePlan, DatasetPlan, MonitorPlan, ReplayPlan


def run(container: Container) -> int:
    """Follow the plan that the environment points to; the number of violations.

    Raises:
        PlanError: The plan cannot be read, or is none of this version.
        EndpointWatchError: What the job itself raises.
    """
    path = container.path(container.environment[PLAN_ENVIRONMENT_KEY])
    try:
        plan = PLAN.validate_json(path.read_bytes())
    except OSError as error:
        raise PlanError(f"{PLAN_ENVIRONMENT_KEY} points to {path}, which cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise PlanError(f"{path} is no plan of this version of EndpointWatch: {error}") from error
    if isinstance(plan, MonitorPlan):
        return monitor.run(plan, container)
    if isinstance(plan, BaselinePlan):
        baseline.run(plan, container)
    elif isinstance(plan, DatasetPlan):
        dataset.run(plan, container)
    elif isinstance(plan, ReplayPlan):
        replay.run(plan, container)
    return 0
