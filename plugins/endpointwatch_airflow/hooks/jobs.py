"""SageMaker's jobs, as the operators and triggers see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from airflow.providers.amazon.aws.utils.waiter_with_logging import wait
from botocore.exceptions import ClientError

from endpointwatch_airflow.hooks.answers import JobKind, Outcome, Request
from endpointwatch_airflow.hooks.aws import AwsHook
from endpointwatch_airflow.hooks.refusals import is_missing, is_over
from endpointwatch_airflow.hooks.waiting import AsyncPatientWaiter, PatientWaiter

#: API words of a job kind: describe, create and stop operation, the parameter with its name, the waiter for its end.
OPERATIONS: Final[dict[JobKind, tuple[str, str, str, str, str]]] = {
    "ProcessingJob": (
        "describe_processing_job",
        "create_processing_job",
        "stop_processing_job",
        "ProcessingJobName",
        "ProcessingJobEnded",
    ),
    "TrainingJob": (
        "describe_training_job",
        "create_training_job",
        "stop_training_job",
        "TrainingJobName",
        "TrainingJobEnded",
    ),
    "HyperParameterTuningJob": (
        "describe_hyper_parameter_tuning_job",
        "create_hyper_parameter_tuning_job",
        "stop_hyper_parameter_tuning_job",
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobEnded",
    ),
}


class JobsHook(AwsHook):
    """SageMaker's API for processing, training and tuning jobs, answering in own types.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "sagemaker"
        super().__init__(*args, **kwargs)

    @property
    def waiter_path(self) -> Path:
        # The base class looks only in the provider's own folder.
        return Path(__file__).parent.parent / "waiters" / "sagemaker.json"

    def get_waiter(self, waiter_name: str, *, deferrable: bool = False, **kwargs: Any) -> Any:  # type: ignore[override]
        """As the base class has it; a waiter that goes on waiting while AWS cannot be reached."""
        waiter = super().get_waiter(waiter_name, deferrable=deferrable, **kwargs)
        return AsyncPatientWaiter(waiter) if deferrable else PatientWaiter(waiter)

    @property
    def client(self) -> Any:
        """The boto3 client. Typed as Any: boto3 has no types, and nothing of it leaves the hooks."""
        return self.conn

    def outcome(self, kind: JobKind, name: str) -> Outcome | None:
        """Where a job stands; None when there is none of that name."""
        describe, _, _, parameter, _ = OPERATIONS[kind]
        try:
            answer = getattr(self.client, describe)(**{parameter: name})
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        consumed = answer.get("ConsumedResources", {}).get("RuntimeInSeconds")
        return Outcome(
            kind=kind,
            name=name,
            status=answer[f"{kind}Status"],
            arn=answer[f"{kind}Arn"],
            reason=answer.get("FailureReason"),
            exit_message=answer.get("ExitMessage"),
            model_artifacts=answer.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
            metrics={metric["MetricName"]: metric["Value"] for metric in answer.get("FinalMetricDataList", ())},
            billable_seconds=answer.get("BillableTimeInSeconds", answer.get("TrainingTimeInSeconds", consumed)),
        )

    def best_training_job(self, tuning_job: str) -> Outcome | None:
        """The training job of a tuning job that came out best; None when none of them gave the objective's figure."""
        answer = self.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
        name = answer.get("BestTrainingJob", {}).get("TrainingJobName")
        return self.outcome("TrainingJob", name) if name else None

    def start_job(self, kind: JobKind, request: Request) -> bool:
        """Create the job.

        Args:
            kind: Processing or training.
            request: Keyword arguments of the create call, its name among them.

        Returns:
            False when a job of that name is there already: another process of the same task was faster.
        """
        _, create, _, _, _ = OPERATIONS[kind]
        try:
            getattr(self.client, create)(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceInUse", "ResourceInUseException"):
                return False
            raise
        return True

    def stop_job(self, kind: JobKind, name: str) -> None:
        """Ask a job to stop; no error when it has ended already or never was."""
        _, _, stop, parameter, _ = OPERATIONS[kind]
        try:
            getattr(self.client, stop)(**{parameter: name})
        except ClientError as error:
            if not is_over(error):
                raise

    async def stop_job_async(self, kind: JobKind, name: str) -> None:
        """As :meth:`stop_job`, for the triggerer."""
        _, _, stop, parameter, _ = OPERATIONS[kind]
        async with await self.get_async_conn() as client:  # type: ignore[no-untyped-call]
            try:
                await getattr(client, stop)(**{parameter: name})
            except ClientError as error:
                if not is_over(error):
                    raise

    def wait_for_job(self, kind: JobKind, name: str, *, delay: int, attempts: int) -> None:
        """Block until the job has ended, however it ended.

        Raises:
            WaiterMaxAttemptsError: It had not after ``attempts`` looks, ``delay`` seconds apart.
        """
        parameter, waiter = OPERATIONS[kind][3:]
        wait(
            waiter=self.get_waiter(waiter),
            waiter_delay=delay,
            waiter_max_attempts=attempts,
            args={parameter: name},
            failure_message=f"{kind} {name} cannot be waited for",
            status_message=f"{kind} {name} is",
            status_args=[f"{kind}Status"],
        )
