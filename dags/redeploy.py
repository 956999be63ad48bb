"""Deploying a version again. One Airflow DAG per endpoint: ``<endpoint>__redeploy``."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import redeploy

for endpoint in declared(redeploy.PIPELINE):
    dag = redeploy.build(endpoint)
    globals()[dag.dag_id] = dag
