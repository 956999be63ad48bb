"""The tasks by which DAGs that judge windows watch over a new version's first ones."""

from __future__ import annotations

from typing import Any, Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator
from airflow.sdk.definitions.mappedoperator import MappedOperator

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.probation import ASKED, ProbationOperator
from endpointwatch_airflow.pipelines import acting
from endpointwatch_airflow.pipelines.common import aws_arguments

DOC: Final = """
| `probation` | The first {windows} windows of a new version are held against stricter limits; {violated} that do not \
hold fail it. |
| `return_to_previous` | Starts `{name}__rollback`, once a deployment. |
| `version_stays` | The version has passed, or its probation goes on. |
"""


def doc(endpoint: Endpoint) -> str:
    """Rows for the DAG's table of tasks; empty without probation."""
    settings = endpoint.deployment.probation
    if settings is None:
        return ""
    return DOC.format(name=endpoint.name, windows=settings.windows, violated=settings.violated).lstrip("\n")


def watch(endpoint: Endpoint, judged: BaseOperator | MappedOperator, **about: Any) -> None:
    """Add ``probation`` and what follows it behind ``judged``; nothing where the file asks for none.

    Args:
        endpoint: The endpoint.
        judged: The task that judges the windows.
        about: Of :class:`ProbationOperator`: when to look.
    """
    settings = endpoint.deployment.probation
    if settings is None:
        return
    asked = f"ti.xcom_pull(task_ids='probation', key='{ASKED}')"
    return_to_previous = acting.start("return_to_previous", dag_id(endpoint.name, "rollback"), asked)
    version_stays = EmptyOperator(task_id="version_stays")
    probation = ProbationOperator(
        task_id="probation",
        endpoint=endpoint,
        settings=settings,
        failed=return_to_previous.task_id,
        otherwise=version_stays.task_id,
        **about,
        **aws_arguments(endpoint),
    )
    judged >> probation >> [return_to_previous, version_stays]
