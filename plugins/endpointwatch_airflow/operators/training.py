"""Train a model version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.actions import training_job, tuning_job
from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.artifacts import Artifacts
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.errors import MissingResultError, NotRetriedError
from endpointwatch_airflow.history import trained
from endpointwatch_airflow.hooks.answers import JobKind, Outcome, Request
from endpointwatch_airflow.operators.job import SageMakerJobOperator
from endpointwatch_airflow.operators.retraining import dataset_of, training_of


class TrainModelOperator(SageMakerJobOperator):
    """Run the training job of a retraining and hand on where its model lies.

    Args:
        endpoint: The endpoint whose ``training`` section says how.
        retraining: What :class:`AdmitRetrainingOperator` admitted (templated).
        clock: When the training ended, for the record of what was done.
        kwargs: As :class:`SageMakerJobOperator` takes them.
    """

    kind: ClassVar[JobKind] = "TrainingJob"
    work = "train"
    template_fields: Sequence[str] = aws_template_fields("endpoint_name", "retraining")
    ui_color = "#d8e4f0"

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        retraining: Mapping[str, Any],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(endpoint_name=endpoint.name, **kwargs)
        self.endpoint = endpoint
        self.retraining = retraining
        self.clock = clock

    def subject(self, context: Context) -> str:  # noqa: ARG002 - as the base class has it
        return Retraining.model_validate(self.retraining).word

    def request(self, context: Context, job: str) -> Request:  # noqa: ARG002 - as the base class has it
        retraining = Retraining.model_validate(self.retraining)
        return training_job.request(
            self.endpoint,
            training_of(self.endpoint),
            job_name=job,
            dataset=dataset_of(self.endpoint, retraining),
            artifacts=Artifacts.of(self.endpoint, retraining.run),
        )

    def failed(self, context: Context, outcome: Outcome) -> None:
        self._record(context, outcome)

    def succeeded(self, context: Context, outcome: Outcome) -> dict[str, Any]:
        self._record(context, outcome)
        return self._trained(outcome)

    def _trained(self, outcome: Outcome) -> dict[str, Any]:
        """What the tasks that follow need of a training job."""
        if outcome.model_artifacts is None:
            raise MissingResultError(f"Training job {outcome.name} completed without naming a model artifact.")
        self.log.info("Trained %s: %s", outcome.model_artifacts, dict(outcome.metrics))
        return {
            "training_job": outcome.name,
            "training_job_arn": outcome.arn,
            "model_data_url": outcome.model_artifacts,
            "metrics": dict(outcome.metrics),
            "billable_seconds": outcome.billable_seconds,
        }

    def _record(self, context: Context, outcome: Outcome) -> None:
        """Write down what the retraining has cost: budget and cooldown go by it."""
        if Retraining.model_validate(self.retraining).champion is None:
            return
        trained(self.store, self.endpoint, context["ti"].run_id, outcome, at=self.clock())


class TuneModelOperator(TrainModelOperator):
    """Run the tuning job of a retraining and hand on the best training job's model, as if that had run alone.

    The provider's ``SageMakerTuningOperator`` is not used: a retry of it starts another tuning job, this one joins the
    first; and killing it while it is deferred leaves its job running.
    """

    kind: ClassVar[JobKind] = "HyperParameterTuningJob"
    work = "tune"
    name_length: ClassVar[int] = tuning_job.NAME_LENGTH

    def request(self, context: Context, job: str) -> Request:  # noqa: ARG002 - as the base class has it
        retraining, training = Retraining.model_validate(self.retraining), training_of(self.endpoint)
        if training.tuning is None:
            raise NotRetriedError(f"Endpoint {self.endpoint.name!r} has no `training.tuning`; train without a search.")
        return tuning_job.request(
            self.endpoint,
            training,
            training.tuning,
            job_name=job,
            dataset=dataset_of(self.endpoint, retraining),
            artifacts=Artifacts.of(self.endpoint, retraining.run),
        )

    def succeeded(self, context: Context, outcome: Outcome) -> dict[str, Any]:
        # The whole search is paid for, not the best job alone.
        self._record(context, outcome)
        best = self.hook.best_training_job(outcome.name)
        if best is None:
            raise MissingResultError(
                f"No training job of tuning job {outcome.name} printed {training_of(self.endpoint).objective!r}. See "
                "`training.metric_definitions`, and the jobs' logs."
            )
        self.log.info("The best of tuning job %s is %s", outcome.name, best.name)
        return {
            **self._trained(best),
            "tuning_job": outcome.name,
            "billable_seconds": outcome.billable_seconds,
        }
