"""The container's entry point: ``python -m endpointwatch.jobs``. What to do stands in the job's environment."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from endpointwatch.errors import EndpointWatchError, PlanError
from endpointwatch.jobs import analysis, baseline, dataset, monitor, replay
from endpointwatch.jobs.container import BASE_DIR_KEY, Container
from endpointwatch.jobs.plan import PLAN, PLAN_ENVIRONMENT_KEY, BaselinePlan, DatasetPlan, MonitorPlan, ReplayPlan

FAILED = 255
COMPLETED = "Completed: Job completed successfully with no violations."
_log = logging.getLogger("endpointwatch.jobs")


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run the job; 0, or 255 with the reason in ``/opt/ml/output/message``."""
    parser = argparse.ArgumentParser(
        prog="python -m endpointwatch.jobs",
        description="Run the analysis that the processing job's environment describes: the plan that "
        f"`{PLAN_ENVIRONMENT_KEY}` points to, or one analysis under Model Monitor's own environment keys "
        "(dataset_source, dataset_format, output_path, baseline_constraints, …).",
        epilog=f"Outside a container set {BASE_DIR_KEY} to a directory laid out as /opt/ml.",
    )
    parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout, force=True
    )
    logging.Formatter.converter = time.gmtime
    container = Container.bare(environment)
    try:
        container = Container.current(environment)
        violations = _run(container)
    except EndpointWatchError as error:
        _log.error("%s: %s", type(error).__name__, error)
        return _failed(container, str(error))
    except Exception as error:  # noqa: BLE001 (whatever it is, the job must leave its reason behind)
        _log.exception("The analysis failed unexpectedly")
        return _failed(container, f"{type(error).__name__}: {error}")
    message = COMPLETED
    if violations:
        message = f"CompletedWithViolations: Job completed successfully with {violations} violations."
    container.leave_message(message)
    _log.info(message)
    return 0


def _run(container: Container) -> int:
    if PLAN_ENVIRONMENT_KEY not in container.environment:
        return analysis.run(container)
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


def _failed(container: Container, reason: str) -> int:
    container.leave_message(f"Error: {reason}")
    return FAILED


if __name__ == "__main__":
    raise SystemExit(main())
