"""The retrain DAGs as users have them, but for the pause before another try: twenty kills need not wait for each."""

from __future__ import annotations

from datetime import timedelta

from endpointwatch_airflow.endpoints import declared
from endpointwatch_airflow.pipelines import retrain

for endpoint in declared(retrain.PIPELINE):
    dag = retrain.build(endpoint)
    if dag is not None:
        for task in dag.tasks:
            task.retry_delay = timedelta(seconds=2)
        globals()[dag.dag_id] = dag
