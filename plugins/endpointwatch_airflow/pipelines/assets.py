"""The events that tie an endpoint's DAGs together."""

from __future__ import annotations

from airflow.sdk import Asset

GROUP = "endpointwatch"


def deployed(endpoint: str) -> Asset:
    """A model version was deployed on ``endpoint``: emitted by its retrain DAG, awaited by its onboard DAG.

    The event's ``extra`` says ``model_version``, ``endpoint_config`` and ``model_package_arn``. The scheme is our
    own, as ``x-`` marks it: Airflow checks and rewrites the URIs of schemes it knows.
    """
    return Asset(name=f"{endpoint} deployed", uri=f"x-endpointwatch://{endpoint}/deployment", group=GROUP)
