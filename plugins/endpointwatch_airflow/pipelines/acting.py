"""The tasks that act on an endpoint, the same behind a decision and behind an alarm.

``chosen`` is the Jinja expression of what the task before has left for them.
"""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.operators.pause import PauseMonitoringOperator
from endpointwatch_airflow.operators.scaling import ScaleEndpointOperator
from endpointwatch_airflow.pipelines.common import aws_arguments


def start(task_id: str, dag: str, chosen: str, *, conf: str = "conf") -> TriggerDagRunOperator:
    """Start ``dag`` by the ``run_id`` and the ``conf`` of ``chosen``, once however often it is asked for."""
    return TriggerDagRunOperator(
        task_id=task_id,
        trigger_dag_id=dag,
        trigger_run_id=f"{{{{ {chosen}['run_id'] }}}}",
        conf=f"{{{{ {chosen}['{conf}'] | tojson }}}}",  # type: ignore[arg-type] # JSON text is parsed after rendering
        # The run is about windows or a version, not about a moment; and two of them may well start in the same second.
        logical_date=None,
        # Asked for again, by a retry, the next window or the next run of a backfill, it is the run that is there.
        skip_when_already_exists=True,
    )


def scale(endpoint: Endpoint, chosen: str) -> ScaleEndpointOperator:
    """Ask for ``instances``, and wait until they serve."""
    return ScaleEndpointOperator(
        task_id="scale",
        endpoint=endpoint,
        desired_instance_count=f"{{{{ {chosen}['instances'] }}}}",
        deferrable=True,
        **aws_arguments(endpoint),
    )


def pause(endpoint: Endpoint, chosen: str) -> PauseMonitoringOperator:
    """Let windows go unjudged for the time that ``pause`` names."""
    return PauseMonitoringOperator(
        task_id="pause",
        endpoint=endpoint,
        since=f"{{{{ {chosen}['pause']['since'] }}}}",
        until=f"{{{{ {chosen}['pause']['until'] }}}}",
        reason=f"{{{{ {chosen}['reason'] }}}}",
        **aws_arguments(endpoint),
    )
