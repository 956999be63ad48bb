"""The container's entry point: ``python -m endpointwatch.jobs``. What to do stands in the job's environment."""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time
from collections.abc import Mapping, Sequence

# Before the libraries are imported: looking through all that they make for garbage, again and again, is a sixth of a
# small window's CPU time, and next to nothing of it ever is.
gc.set_threshold(100_000, 50, 100)

from endpointwatch.errors import EndpointWatchError
from endpointwatch.jobs import environment as environment_jobs
from endpointwatch.jobs.container import BASE_DIR_KEY, FINAL, Container
from endpointwatch.jobs.plan import PLAN_ENVIRONMENT_KEY

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
        violations = environment_jobs.run(container)
    except EndpointWatchError as error:
        _log.error("%s: %s", type(error).__name__, error)
        # AWS's own contract knows AWS's own texts only.
        planned = PLAN_ENVIRONMENT_KEY in container.environment
        return _failed(container, str(error), ending=FINAL if planned else "")
    except Exception as error:  # noqa: BLE001 (whatever it is, the job must leave its reason behind)
        _log.exception("The analysis failed unexpectedly")
        return _failed(container, f"{type(error).__name__}: {error}")
    message = environment_jobs.completed(container) or COMPLETED
    if violations:
        message = f"CompletedWithViolations: Job completed successfully with {violations} violations."
    container.leave_message(message)
    _log.info(message)
    return 0


def _failed(container: Container, reason: str, *, ending: str = "") -> int:
    container.leave_message(f"Error: {reason}", ending=ending)
    return FAILED


if __name__ == "__main__":
    raise SystemExit(main())
