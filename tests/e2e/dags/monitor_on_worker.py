"""The monitoring task of the demo's endpoint, waiting on the worker: there is a process of its own to kill."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from endpointwatch.config.loader import load
from endpointwatch_airflow.endpoints import folder
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator
from endpointwatch_airflow.windows import window_params

with DAG("monitor_on_worker", schedule=None, params=window_params(), is_paused_upon_creation=False):
    RunMonitorsOperator(
        task_id="run_monitors",
        endpoint=load(folder() / "loan-approval.yaml"),
        deferrable=False,
        waiter_delay=1,
        retries=2,
        retry_delay=timedelta(seconds=2),
    )
