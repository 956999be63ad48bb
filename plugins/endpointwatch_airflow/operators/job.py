"""Start a SageMaker job under a name that follows from the task, wait for it, and hand on how it ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar, NoReturn

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import BaseOperatorLink, Context

from endpointwatch_airflow.errors import JobError, NotRetriedError
from endpointwatch_airflow.hooks.answers import JobKind, Outcome, Request
from endpointwatch_airflow.job_names import MAXIMUM_LENGTH, job_name, task_life
from endpointwatch_airflow.links.sagemaker import JobLink, JobLogLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.triggers.job import JobTrigger


class SageMakerJobOperator(EndpointWatchOperator):
    """Base of all operators that run one processing, training or tuning job.

    A subclass says in ``kind`` and ``work`` what it runs, in ``subject`` and ``identity`` what its job is about, builds
    the create call in ``request`` and turns the successful outcome into the task's result in ``succeeded``.

    The job's name follows from the task: a retry, whatever became of the process before, finds the job and joins it
    while it runs or takes its result when it has completed. A job that failed or was stopped is followed by another one
    (``…-2``). Clearing the task or reprocessing its run asks for a new job.

    Args:
        endpoint_name: The endpoint that the job is for; leads the job's name.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    kind: ClassVar[JobKind] = "ProcessingJob"
    work: ClassVar[str]
    name_length: ClassVar[int] = MAXIMUM_LENGTH
    template_fields: Sequence[str] = aws_template_fields("endpoint_name")
    operator_extra_links: Collection[BaseOperatorLink] = (JobLink(), JobLogLink())

    def __init__(self, *, endpoint_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.job: str | None = None

    # For subclasses

    def subject(self, context: Context) -> str:
        """What the job is about, readable: goes into its name."""
        raise NotImplementedError

    def identity(self, context: Context) -> tuple[str, ...]:  # noqa: ARG002 - for subclasses
        """What makes this job another one than the next, besides the subject and the task's life."""
        return ()

    def request(self, context: Context, job: str) -> Request:
        """Keyword arguments of the create call without the job's name. May write the job's input files first.

        Called again with another name after a job has failed; it must then write the same for the new one.
        """
        raise NotImplementedError

    def asked(self, context: Context, job: str) -> Request:
        """The request as it is sent: :meth:`request`, unless a base of several operators moves it elsewhere."""
        return self.request(context, job)

    def succeeded(self, context: Context, outcome: Outcome) -> Any:
        """The task's result, once the job has completed. Runs in another process than ``execute`` when deferred."""
        raise NotImplementedError

    def failed(self, context: Context, outcome: Outcome) -> None:
        """Called before the task fails for a job that failed or was stopped."""

    # The one way through

    def execute(self, context: Context) -> Any:
        outcome = self._join_or_start(context)
        self.job = outcome.name
        for link in (JobLink, JobLogLink):
            self.persist_link(context, link, kind=self.kind, job_name=outcome.name)
        if outcome.active:
            if self.deferrable:
                self._defer(outcome.name)
            self.hook.wait_for_job(self.kind, outcome.name, delay=self.waiter_delay, attempts=self.waiter_max_attempts)
        return self._ended(context, outcome.name)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        return self._ended(context, str((event or {})["job_name"]))

    def on_kill(self) -> None:
        """Stop the job when the running task is marked failed, cleared or times out."""
        if self.job:
            self.log.info("Stopping %s %s: its task was ended", self.kind, self.job)
            self.hook.stop_job(self.kind, self.job)

    def _join_or_start(self, context: Context) -> Outcome:
        identity = (*self.identity(context), *task_life(context))
        for attempt in count(1):
            about = (self.endpoint_name, self.work, self.subject(context), identity)
            name = job_name(*about, attempt=attempt, length=self.name_length)
            outcome = self.hook.outcome(self.kind, name)
            if outcome is None:
                request = {f"{self.kind}Name": name, "Tags": self._tags(context), **self.asked(context, name)}
                # Set first: a kill between the call and its answer must stop the job too.
                self.job = name
                if self.hook.start_job(self.kind, request):
                    self.log.info("Started %s %s", self.kind, name)
                outcome = self.hook.outcome(self.kind, name)
                if outcome is None:
                    raise JobError(f"{self.kind} {name} was created, but SageMaker does not know it. Clear the task.")
                return outcome
            if outcome.reusable:
                self.log.info("Joining %s %s, which an earlier try started: %s", self.kind, name, outcome.status)
                return outcome
            self.log.info("%s %s of an earlier try is %s: %s", self.kind, name, outcome.status, outcome.reason)
        raise AssertionError("unreachable: count() does not end")

    def _tags(self, context: Context) -> list[dict[str, str]]:
        instance = context["ti"]
        labels: Mapping[str, str] = {
            "endpointwatch:endpoint": self.endpoint_name,
            "endpointwatch:dag_id": instance.dag_id,
            "endpointwatch:run_id": instance.run_id,
            "endpointwatch:task_id": instance.task_id,
        }
        return [{"Key": key, "Value": value[:256]} for key, value in labels.items()]

    def _defer(self, name: str) -> NoReturn:
        self.defer(trigger=JobTrigger(kind=self.kind, job_name=name, **self.waiting), method_name="execute_complete")
        raise AssertionError("unreachable: defer() raises")

    def _ended(self, context: Context, name: str) -> Any:
        # Both ways of waiting end here, so they cannot come to differ in what counts as failure.
        outcome = self.hook.outcome(self.kind, name)
        if outcome is None:
            raise JobError(f"{self.kind} {name} is gone. Clear the task to start another one.")
        if outcome.active:
            raise JobError(
                f"{self.kind} {name} has not ended within {self.waiter_max_attempts * self.waiter_delay} s; it runs "
                "on, and a retry joins it. Raise `waiter_max_attempts` if this is usual."
            )
        if not outcome.succeeded:
            self.failed(context, outcome)
            reason = (outcome.reason or outcome.exit_message or "no reason given").rstrip(".")
            text = (
                f"{self.kind} {name} ended {outcome.status}: {reason}. "
                f"Its log: CloudWatch group /aws/sagemaker/{self.kind}s, streams {name}/…"
            )
            raise NotRetriedError(text) if outcome.final else JobError(text)
        return self.succeeded(context, outcome)
