"""Returning to the version before. One Airflow DAG per endpoint: ``<endpoint>__rollback``."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import rollback

for endpoint in declared(rollback.PIPELINE):
    dag = rollback.build(endpoint)
    globals()[dag.dag_id] = dag
