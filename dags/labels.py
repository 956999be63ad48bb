"""Late labels: windows judged again when theirs have come. One Airflow DAG per endpoint: ``<endpoint>__labels``."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import labels

for endpoint in declared(labels.PIPELINE):
    dag = labels.build(endpoint)
    if dag is not None:
        globals()[dag.dag_id] = dag
