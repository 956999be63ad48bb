"""Telling that a task failed for good: for ``on_failure_callback``."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseNotifier, Context
from airflow.sdk.exceptions import AirflowFailException

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.reports.message import Failure, failure_message
from endpointwatch_airflow.links.reading import job_links, run_links
from endpointwatch_airflow.notifiers.delivery import deliver, told


class FailureNotifier(BaseNotifier):
    """Send the message of a failed task by the endpoint's channels.

    Airflow runs it in the task's own process after the last try; where that process is gone, in the DAG processor. What
    it raises stands in the log and changes nothing else.

    Args:
        endpoint: The endpoint that the task is about.
    """

    def __init__(self, *, endpoint: Endpoint) -> None:
        super().__init__()
        self.endpoint = endpoint

    def notify(self, context: Context) -> None:
        instance = context["ti"]
        links = (*run_links(context), *job_links(context, [instance.task_id]))
        deliver(failure_message(self.endpoint, failure(context), links=links), self.endpoint, context)


def failure(context: Context) -> Failure:
    """What a callback's context says about the task that failed."""
    instance: Any = context["ti"]
    error = context.get("exception")
    mapped = "" if instance.map_index in (None, -1) else f"[{instance.map_index}]"
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return Failure(
        dag=instance.dag_id,
        run=instance.run_id,
        task=f"{instance.task_id}{mapped}",
        attempt=instance.try_number,
        error=told(error) if error is not None else "",
        hopeless=isinstance(error, AirflowFailException),
        since=getattr(instance, "start_date", None),
        about=f"[{start:%Y-%m-%d %H:%M}, {end:%Y-%m-%d %H:%M}) UTC" if start and end and start < end else "",
    )
