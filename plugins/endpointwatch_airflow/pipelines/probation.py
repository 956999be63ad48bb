"""The tasks by which a monitor DAG watches over a new version's first windows."""

from __future__ import annotations

from typing import Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.probation import ASKED, ProbationOperator
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


def watch(endpoint: Endpoint, judged: BaseOperator) -> None:
    """Add ``probation`` and what follows it behind ``judged``; nothing where the file asks for none."""
    settings = endpoint.deployment.probation
    if settings is None:
        return
    asked = f"ti.xcom_pull(task_ids='probation', key='{ASKED}')"
    return_to_previous = TriggerDagRunOperator(
        task_id="return_to_previous",
        trigger_dag_id=dag_id(endpoint.name, "rollback"),
        trigger_run_id=f"{{{{ {asked}['run_id'] }}}}",
        conf=f"{{{{ {asked}['conf'] | tojson }}}}",  # type: ignore[arg-type] # JSON text is parsed after rendering
        logical_date=None,
        # The next window may come to the same answer before the rollback is through.
        skip_when_already_exists=True,
    )
    version_stays = EmptyOperator(task_id="version_stays")
    probation = ProbationOperator(
        task_id="probation",
        endpoint=endpoint,
        settings=settings,
        failed=return_to_previous.task_id,
        otherwise=version_stays.task_id,
        **aws_arguments(endpoint),
    )
    judged >> probation >> [return_to_previous, version_stays]
