"""The events that tie an endpoint's DAGs together."""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from endpointwatch.actions.alarm_requests import channel_name
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.pipelines.common import aws_arguments
from endpointwatch_airflow.triggers.alarm_queue import AlarmQueueTrigger

GROUP = "endpointwatch"


def deployed(endpoint: str) -> Asset:
    """A model version was deployed on ``endpoint``: emitted by its retrain DAG, awaited by its onboard DAG.

    The event's ``extra`` says ``model_version``, ``endpoint_config`` and ``model_package_arn``. The scheme is our
    own, as ``x-`` marks it: Airflow checks and rewrites the URIs of schemes it knows.
    """
    return Asset(name=f"{endpoint} deployed", uri=f"x-endpointwatch://{endpoint}/deployment", group=GROUP)


def alarmed(endpoint: Endpoint) -> Asset:
    """An alarm of the endpoint changed its state: emitted by a watcher on the alarms' queue, awaited by the health DAG.

    The events' payload is :func:`endpointwatch_airflow.triggers.alarm_queue.change_told`.
    """
    trigger = AlarmQueueTrigger(queue_name=channel_name(endpoint.name), **aws_arguments(endpoint))
    return Asset(
        name=f"{endpoint.name} alarms",
        uri=f"x-endpointwatch://{endpoint.name}/alarms",
        group=GROUP,
        watchers=[AssetWatcher(name=f"{endpoint.name} alarm queue", trigger=trigger)],
    )
