"""The artefact of the model version that a job looks into."""

from __future__ import annotations

from collections.abc import Sequence

from endpointwatch.config.attribution import Attribution
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.plan import MODEL_PATH
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.operators.requests import Mount


def model_data_uri(
    hook: SageMakerHook, endpoint: Endpoint, deployment: Deployment, monitors: Sequence[str]
) -> str | None:
    """Where the deployed version's artefact lies; None when no due monitor loads it, or it is not to be found.

    A job without it still runs: the monitor that misses it says so in its verdict.
    """
    wanted = any(
        isinstance(monitor, Attribution) and monitor.kind in monitors and monitor.model.source == "artifact"
        for monitor in endpoint.monitors
    )
    return hook.model_data_uri(deployment.model_version, deployment.model_package_arn) if wanted else None


def model_mounts(uri: str | None) -> list[Mount]:
    """The artefact as an input of a job; none without one."""
    return [Mount("model", uri, MODEL_PATH)] if uri else []
