"""End the jobs of tasks that failed, however they came to fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context, TriggerRule

from endpointwatch_airflow.hooks.answers import JobKind
from endpointwatch_airflow.links.sagemaker import JobLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator


class StopJobsOperator(EndpointWatchOperator):
    """Stop what the failed tasks before this one still have running; skipped when none of them failed.

    A task stops its own job when it is killed on the worker, or in the triggerer. What remains is a deferred task that
    is marked as failed in the second or two before the triggerer has taken it up, and a worker that was lost for good:
    then nobody is left to stop the job but this task.

    Args:
        job_task_ids: Tasks that start jobs.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        Names of the jobs that were asked to stop.
    """

    template_fields: Sequence[str] = aws_template_fields("job_task_ids")

    def __init__(self, *, job_task_ids: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**{"trigger_rule": TriggerRule.ONE_FAILED, **kwargs})
        self.job_task_ids = list(job_task_ids)

    def execute(self, context: Context) -> list[str]:
        stopped: list[str] = []
        for task_id in self.job_task_ids:
            told = context["ti"].xcom_pull(task_ids=task_id, key=JobLink.key)
            # A mapped task has started one job for each of its instances.
            started = told if isinstance(told, list) else [told] if told else []
            if not started:
                self.log.info("%s has started no job", task_id)
            stopped += [job["job_name"] for job in started if self._stopped(task_id, job["kind"], job["job_name"])]
        return stopped

    def _stopped(self, task_id: str, kind: JobKind, name: str) -> bool:
        outcome = self.hook.outcome(kind, name)
        if outcome is None or not outcome.active:
            self.log.info("%s %s of %s runs no more", kind, name, task_id)
            return False
        self.log.info("Stopping %s %s: %s has failed", kind, name, task_id)
        self.hook.stop_job(kind, name)
        return True
