"""The optional task that tries a version out on copies of the requests, before it is deployed."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.operators.shadow import ShadowModelOperator
from endpointwatch_airflow.pipelines.common import WAITER_DELAY, aws_arguments, deployment_attempts


def shadow_doc(endpoint: Endpoint) -> str:
    """What a DAG's page says of the task; empty where there is none."""
    settings = endpoint.deployment.shadow
    if settings is None:
        return ""
    return f"\nBefore `deploy`, `shadow` tries the version out on copies of the requests for {settings.seconds} s.\n"


def shadow_before(endpoint: Endpoint, registered: Any, deploy: BaseOperator) -> None:
    """Add ``shadow`` before ``deploy``; nothing where the file asks for none.

    Args:
        endpoint: The endpoint.
        registered: Output of the task that registered the version.
        deploy: The task that deploys it.
    """
    settings = endpoint.deployment.shadow
    if settings is None:
        return
    shadow = ShadowModelOperator(
        task_id="shadow",
        endpoint=endpoint,
        settings=settings,
        registered=registered,
        deferrable=True,
        waiter_delay=WAITER_DELAY,
        waiter_max_attempts=deployment_attempts(endpoint),
        **aws_arguments(endpoint),
    )
    shadow >> deploy
