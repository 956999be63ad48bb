"""What the DAGs of an endpoint have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.notifiers.failure import FailureNotifier

#: Seconds between two looks at a job or an endpoint.
WAITER_DELAY: Final = 5
#: A job may wait for its instance, be pulled and be torn down besides running.
STARTING_SECONDS: Final = 1800
#: An update starts a second fleet and takes one away, besides its waits.
DEPLOYING_SECONDS: Final = 3600


def aws_arguments(endpoint: Endpoint) -> dict[str, Any]:
    """The connection and region that the YAML names, for operators and sensors."""
    return {"aws_conn_id": endpoint.aws.conn_id, "region_name": endpoint.aws.region}


def job_arguments(endpoint: Endpoint) -> dict[str, Any]:
    """As :func:`aws_arguments`, for operators that wait for a job: in the triggerer, for as long as the job may run."""
    longest = endpoint.job.max_runtime_seconds + STARTING_SECONDS
    return {
        **aws_arguments(endpoint),
        "deferrable": True,
        "waiter_delay": WAITER_DELAY,
        "waiter_max_attempts": longest // WAITER_DELAY,
    }


def deployment_attempts(endpoint: Endpoint) -> int:
    """Looks at an update until it must have ended: its own waits, and machines that start and stop."""
    return (endpoint.deployment.longest_seconds + DEPLOYING_SECONDS) // WAITER_DELAY


def dag_arguments(endpoint: Endpoint, pipeline: str) -> dict[str, Any]:
    """Arguments that every DAG of the endpoint takes."""
    told = endpoint.notifications
    telling = {"on_failure_callback": FailureNotifier(endpoint=endpoint)}
    return {
        "start_date": datetime.combine(endpoint.schedule.start_date, datetime.min.time(), tzinfo=UTC),
        "tags": sorted({"endpointwatch", pipeline, endpoint.name, *endpoint.tags}),
        "default_args": {
            "owner": endpoint.owner,
            "retries": 2,
            # Long enough for a throttled API or a restarted worker, short beside an hourly window.
            "retry_delay": timedelta(seconds=20),
            **(telling if told.channels and told.task_failures == "Enabled" else {}),
        },
    }
