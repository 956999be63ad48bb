"""Monitoring, window by window. One Airflow DAG per endpoint: ``<endpoint>__monitor``."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import monitor

for endpoint in declared(monitor.PIPELINE):
    dag = monitor.build(endpoint)
    globals()[dag.dag_id] = dag
