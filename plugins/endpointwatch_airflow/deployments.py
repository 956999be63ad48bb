"""The endpoint's deployment records in S3."""

from __future__ import annotations

from pydantic import ValidationError

from endpointwatch.config.layout import Layout
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.store import StoreHook


def recorded(store: StoreHook, layout: Layout) -> tuple[Deployment, ...]:
    """Every deployment on record, oldest first.

    Raises:
        NotRetriedError: A file there is no deployment record.
    """
    uris = sorted(item.uri for item in store.objects(layout.deployments() + "/") if item.key.endswith(".json"))
    return tuple(sorted((read(store, uri) for uri in uris), key=lambda deployment: deployment.in_service_from))


def read(store: StoreHook, uri: str) -> Deployment:
    """One record.

    Raises:
        NotRetriedError: It is missing, or no deployment record.
    """
    text = store.read(uri)
    if text is None:
        raise NotRetriedError(f"{uri} is gone. Run the endpoint's onboard DAG: it records what is deployed.")
    try:
        return Deployment.model_validate_json(text)
    except ValidationError as error:
        raise NotRetriedError(
            f"{uri} is no deployment record: {error.errors(include_url=False)}. Delete it and run the onboard DAG."
        ) from error


def place(layout: Layout, deployment: Deployment) -> str:
    """Where the record lies."""
    return layout.deployment(f"{deployment.in_service_from:%Y%m%dT%H%M%SZ}", deployment.model_version)
