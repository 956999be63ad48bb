"""Alarms answered, within seconds and by a sweep. One Airflow DAG per endpoint: ``<endpoint>__health``."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import health

for endpoint in declared(health.PIPELINE):
    dag = health.build(endpoint)
    if dag is not None:
        globals()[dag.dag_id] = dag
