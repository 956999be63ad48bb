"""Train a model version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.actions import training_job
from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.artifacts import Artifacts
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.errors import MissingResultError
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
        if outcome.model_artifacts is None:
            raise MissingResultError(f"Training job {outcome.name} completed without naming a model artifact.")
        self.log.info("Trained %s: %s", outcome.model_artifacts, dict(outcome.metrics))
        return {
            "training_job": outcome.name,
            "model_data_url": outcome.model_artifacts,
            "metrics": dict(outcome.metrics),
        }

    def _record(self, context: Context, outcome: Outcome) -> None:
        """Write down what the retraining has cost: budget and cooldown go by it."""
        if Retraining.model_validate(self.retraining).champion is None:
            return
        trained(self.store, self.endpoint, context["ti"].run_id, outcome, at=self.clock())
