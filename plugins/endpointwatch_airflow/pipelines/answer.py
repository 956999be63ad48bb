"""What follows a decision, the same in every DAG that decides."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.decision import CHOSEN, DecideOperator
from endpointwatch_airflow.operators.notify import NotifyOperator
from endpointwatch_airflow.pipelines.common import aws_arguments


def answer(endpoint: Endpoint, decide: DecideOperator) -> None:
    """Add the tasks that ``decide`` branches into: ``retrain`` (where there is training), ``notify``, ``nothing``."""
    notify = NotifyOperator(
        task_id="notify", endpoint=endpoint, decide_task_id=decide.task_id, **aws_arguments(endpoint)
    )
    decide >> [notify, EmptyOperator(task_id="nothing")]
    if endpoint.training is not None:
        decide >> _retrain(endpoint, decide.task_id)


def _retrain(endpoint: Endpoint, decide: str) -> TriggerDagRunOperator:
    chosen = f"ti.xcom_pull(task_ids='{decide}', key='{CHOSEN}')"
    return TriggerDagRunOperator(
        task_id="retrain",
        trigger_dag_id=dag_id(endpoint.name, "retrain"),
        trigger_run_id=f"{{{{ {chosen}['run_id'] }}}}",
        conf=f"{{{{ {chosen}['conf'] | tojson }}}}",  # type: ignore[arg-type] # JSON text is parsed after rendering
        # The run is about windows, not about a moment; and two of them may well start in the same second.
        logical_date=None,
        # The decision of the next window, or of the next run of a backfill, is answered by the retraining under way.
        skip_when_already_exists=True,
    )
