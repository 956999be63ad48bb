"""Onboarding: capture, deployment record, baselines. One Airflow DAG per endpoint: ``<endpoint>__onboard``."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import onboard

for endpoint in declared(onboard.PIPELINE):
    dag = onboard.build(endpoint)
    globals()[dag.dag_id] = dag
