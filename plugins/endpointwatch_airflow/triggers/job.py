"""Wait in the triggerer until a SageMaker job has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger
from airflow.triggers.base import TriggerEvent

from endpointwatch_airflow.hooks.answers import JobKind
from endpointwatch_airflow.hooks.jobs import OPERATIONS
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook


class JobTrigger(AwsBaseWaiterTrigger):
    """Fires once the job has ended, however it ended; how is asked by the operator.

    When somebody marks the deferred task as failed, clears it or fails the run, the job is stopped. A restart of the
    triggerer or a timeout stops nothing; nor does a task that is ended in the second or two before the triggerer has
    taken its trigger up (see :class:`endpointwatch_airflow.operators.stop.StopJobsOperator`).

    Args:
        kind: Processing or training.
        job_name: The job.
        waiter_delay: Seconds between two looks.
        waiter_max_attempts: Looks before giving up.
        aws_conn_id: As everywhere.
        region_name: As everywhere.
        verify: As everywhere.
        botocore_config: As everywhere.
    """

    aws_hook_class = SageMakerHook

    def __init__(
        self,
        *,
        kind: str,
        job_name: str,
        waiter_delay: int = 5,
        waiter_max_attempts: int = 1080,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        self.kind = cast(JobKind, kind)
        self.job_name = job_name
        parameter, waiter = OPERATIONS[self.kind][3:]
        super().__init__(
            serialized_fields={"kind": kind, "job_name": job_name},
            waiter_name=waiter,
            waiter_args={parameter: job_name},
            failure_message=f"{kind} {job_name} cannot be waited for",
            status_message=f"{kind} {job_name} is",
            status_queries=[f"{kind}Status"],
            return_key="job_name",
            return_value=job_name,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            aws_conn_id=aws_conn_id,
            region_name=region_name,
            verify=verify,
            botocore_config=botocore_config,
        )

    def hook(self) -> SageMakerHook:
        # Written out: older amazon providers leave this method to every subclass.
        return SageMakerHook(
            aws_conn_id=self.aws_conn_id, region_name=self.region_name, verify=self.verify, config=self.botocore_config
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # The triggerer knows a user's action by the cancellation's message, and calls `on_kill` only for that. While a
        # hook reads its connection it waits in asgiref's `sync_to_async`, which raises a new CancelledError without
        # the message, and the job would run on. So the waiting is a task of its own and this one is cancelled directly.
        waiting = asyncio.ensure_future(anext(super().run()))
        try:
            yield await asyncio.shield(waiting)
        finally:
            waiting.cancel()

    async def on_kill(self) -> None:
        """Stop the job: the person who ended the deferred task does not want its result."""
        await self.hook().stop_job_async(self.kind, self.job_name)
