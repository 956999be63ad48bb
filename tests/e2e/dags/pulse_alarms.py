"""A probe for tests/e2e/actions/test_health.py: makes the alarms of an endpoint that is only declared."""

from __future__ import annotations

from airflow.sdk import DAG

from endpointwatch_airflow.endpoints import dag_id, declared
from endpointwatch_airflow.operators.alarms import EnsureAlarmsOperator
from endpointwatch_airflow.pipelines.common import aws_arguments

for endpoint in declared("alarms"):
    if endpoint.name.startswith("pulse"):
        with DAG(dag_id(endpoint.name, "alarms"), schedule=None, is_paused_upon_creation=False) as dag:
            EnsureAlarmsOperator(task_id="ensure_alarms", endpoint=endpoint, retries=2, **aws_arguments(endpoint))
