"""``<endpoint>__retrain``: train, judge and deploy a model version."""

from __future__ import annotations

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import retrain

for endpoint in declared(retrain.PIPELINE):
    dag = retrain.build(endpoint)
    if dag is not None:
        globals()[dag.dag_id] = dag
