"""Jobs of the engine, wherever the endpoint's YAML says they run."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from airflow.sdk import Context

from endpointwatch.actions.alarm_requests import MONITORS_NAMESPACE
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch_airflow.errors import JobError, NotRetriedError
from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.metrics import MetricsHook
from endpointwatch_airflow.job_names import job_name, task_life
from endpointwatch_airflow.operators.job import SageMakerJobOperator
from endpointwatch_airflow.operators.spark import on_spark
from endpointwatch_airflow.worker import WorkerJob


class PlannedJobOperator(SageMakerJobOperator):
    """A job that follows a plan (:mod:`endpointwatch.jobs.plan`): the YAML's ``job.runs_on`` says where it runs.

    ``worker`` runs it as a subprocess of this task, which then neither defers nor starts anything in SageMaker: the
    task's slot is taken for as long as the job runs. A retry starts it anew. What is asked for, what is uploaded and
    what counts as failure is the same. ``spark`` moves the jobs of operators that say so (``spreads``) to a cluster.

    Args:
        endpoint: The endpoint.
        kwargs: As :class:`SageMakerJobOperator` takes them, without ``endpoint_name``.
    """

    spreads: ClassVar[bool] = False

    def __init__(self, *, endpoint: Endpoint, **kwargs: Any) -> None:
        super().__init__(endpoint_name=endpoint.name, **kwargs)
        self.endpoint = endpoint
        self.running: WorkerJob | None = None

    @cached_property
    def metrics(self) -> MetricsHook:
        return MetricsHook(**self._hook_parameters)

    def execute(self, context: Context) -> Any:
        if self.endpoint.job.runs_on != "worker":
            return super().execute(context)
        name = job_name(
            self.endpoint_name, self.work, self.subject(context), (*self.identity(context), *task_life(context))
        )
        self.running = WorkerJob(name, self.request(context, name), self.store, log=self._say, publish=self._publish)
        outcome = self.running.run()
        if not outcome.succeeded:
            self.failed(context, outcome)
            reason = (outcome.reason or "no reason given").rstrip(".")
            text = f"Job {name} on the worker ended {outcome.status}: {reason}. Its log stands above."
            raise NotRetriedError(text) if outcome.final else JobError(text)
        self.log.info("%s", outcome.exit_message)
        return self.succeeded(context, outcome)

    def asked(self, context: Context, job: str) -> Request:
        request, spark = super().asked(context, job), self.endpoint.job.spark
        if not self.spreads or self.endpoint.job.runs_on != "spark" or spark is None:
            return request
        return on_spark(request, spark, self.store, Layout.of(self.endpoint).job(job))

    def on_kill(self) -> None:
        if self.running is not None:
            self.log.info("Ending %s: its task was ended", self.running.name)
            self.running.stop("its task was ended")
        super().on_kill()

    def _say(self, line: str) -> None:
        self.log.info("%s", line)

    def _publish(self, lines: list[str]) -> None:
        # Metrics are a convenience: the verdict stands whether CloudWatch took them or not.
        if lines and (refusal := self.metrics.publish(MONITORS_NAMESPACE, lines)):
            self.log.warning("CloudWatch did not take the metrics: %s", refusal)
