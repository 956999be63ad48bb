"""Links of a message: to the run, the results, the job and the logs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink
from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Context

from endpointwatch.reports.message import Link
from endpointwatch_airflow.hooks.store import bucket_and_key
from endpointwatch_airflow.links.results import ResultsLink
from endpointwatch_airflow.links.sagemaker import JobLink, JobLogLink

log = logging.getLogger(__name__)
#: A run that judges many windows has many jobs.
JOBS: Final = 3


def run_links(context: Context) -> tuple[Link, ...]:
    """To the DAG run and to the task's log, in Airflow's web interface (``[api] base_url``)."""
    instance = context["ti"]
    index = -1 if instance.map_index is None else instance.map_index
    base = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    run = f"{base}/dags/{instance.dag_id}/runs/{quote(instance.run_id)}"
    task = f"{run}/tasks/{instance.task_id}{f'/mapped/{index}' if index >= 0 else ''}?try_number={instance.try_number}"
    return Link(title="DAG run", uri=run), Link(title=f"Log of {instance.task_id}", uri=task)


def folder_link(title: str, folder: str, hook: AwsBaseHook) -> Link:
    """To an S3 folder (URI without a trailing slash) in the console; where there is none, the URI itself."""
    domain = BaseAwsLink.get_aws_domain(hook.conn_partition)
    if domain is None:
        return Link(title=title, uri=f"{folder}/")
    bucket, key = bucket_and_key(folder)
    place = {"region_name": hook.conn_region_name, "aws_domain": domain, "bucket": bucket, "prefix": f"{key}/"}
    return Link(title=title, uri=ResultsLink().format_link(**place))


def job_tasks(context: Context) -> list[str]:
    """The tasks of the run's DAG that start jobs."""
    dag: Any = context.get("dag")
    return [task.task_id for task in getattr(dag, "tasks", ()) if _starts_jobs(task)]


def job_links(context: Context, task_ids: Iterable[str]) -> tuple[Link, ...]:
    """To the jobs that these tasks have started, and to their logs; what cannot be read is left out."""
    found: list[Link] = []
    for task_id in task_ids:
        try:
            found += _links(context, task_id)
        except Exception as error:  # noqa: BLE001 - the message matters more than its links
            log.info("The job of %s cannot be linked: %s", task_id, error)
    return tuple(found)


def _links(context: Context, task_id: str) -> Iterator[Link]:
    for link in (JobLink(), JobLogLink()):
        told = context["ti"].xcom_pull(task_ids=task_id, key=link.key)
        # A mapped task has started one job for each of its instances.
        started: Sequence[Any] = told if isinstance(told, list) else [told] if told else []
        for job in started[:JOBS]:
            uri = link.format_link(**job)
            # In a partition whose console nobody knows there is no address.
            if uri and job.get("aws_domain"):
                yield Link(title=f"{link.name} {job['job_name']}", uri=uri)


def _starts_jobs(task: Any) -> bool:
    return any(isinstance(link, JobLink) for link in getattr(task, "operator_extra_links", ()) or ())
