"""Trying other thresholds on windows that are on record. One Airflow DAG per endpoint: ``<endpoint>__replay``."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import replay

for endpoint in declared(replay.PIPELINE):
    dag = replay.build(endpoint)
    globals()[dag.dag_id] = dag
