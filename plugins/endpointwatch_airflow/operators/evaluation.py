"""Judge challenger and champion on the same rows, and branch on who won."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context

from endpointwatch.actions import evaluation_job
from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.artifacts import BASELINE_FILE, EVALUATION_FILE, HELD_OUT_FILE, Artifacts
from endpointwatch.actions.comparison import Evaluation, compare
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import DatasetError
from endpointwatch_airflow.errors import MissingResultError, NotRetriedError
from endpointwatch_airflow.hooks.answers import Outcome, Request
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.operators.job import SageMakerJobOperator
from endpointwatch_airflow.operators.retraining import dataset_of, training_of

COMPARISON = "comparison"


class EvaluateModelsOperator(SageMakerJobOperator):
    """Run the training image's ``evaluate`` command and hand on where its files lie.

    Args:
        endpoint: The endpoint whose ``training`` section says how.
        retraining: What :class:`AdmitRetrainingOperator` admitted (templated).
        trained: Result of :class:`TrainModelOperator` (templated).
        kwargs: As :class:`SageMakerJobOperator` takes them.
    """

    work = "evaluate"
    template_fields: Sequence[str] = aws_template_fields("endpoint_name", "retraining", "trained")
    ui_color = "#d8e4f0"

    def __init__(
        self, *, endpoint: Endpoint, retraining: Mapping[str, Any], trained: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(endpoint_name=endpoint.name, **kwargs)
        self.endpoint = endpoint
        self.retraining = retraining
        self.trained = trained

    def subject(self, context: Context) -> str:  # noqa: ARG002 - as the base class has it
        return Retraining.model_validate(self.retraining).word

    def request(self, context: Context, job: str) -> Request:  # noqa: ARG002 - as the base class has it
        retraining = Retraining.model_validate(self.retraining)
        return evaluation_job.request(
            self.endpoint,
            training_of(self.endpoint),
            job_name=job,
            dataset=dataset_of(self.endpoint, retraining),
            challenger_data_url=self.trained["model_data_url"],
            champion_data_url=retraining.champion.model_data_url if retraining.champion else None,
            output_uri=self._output(job),
        )

    def succeeded(self, context: Context, outcome: Outcome) -> dict[str, str]:  # noqa: ARG002 - as the base class has it
        folder = self._output(outcome.name)
        result = {
            "evaluation_uri": f"{folder}/{EVALUATION_FILE}",
            "baseline_dataset_uri": f"{folder}/{BASELINE_FILE}",
        }
        for uri in result.values():
            if not self.store.exists(uri):
                raise MissingResultError(
                    f"Processing job {outcome.name} completed, but wrote no {uri}. The `evaluate` command of "
                    f"{training_of(self.endpoint).image_uri} must write it."
                )
        # An image that does not write it leaves the monitors that need labels to the baseline's rows.
        held_out = f"{folder}/{HELD_OUT_FILE}"
        return {**result, "held_out_dataset_uri": held_out} if self.store.exists(held_out) else result

    def _output(self, job: str) -> str:
        return Artifacts.of(self.endpoint, Retraining.model_validate(self.retraining).run).evaluation(job)


class CompareModelsOperator(EndpointWatchOperator, BranchMixIn):
    """Branch to ``promoted`` when the challenger beats the champion, else to ``kept``.

    The figures are left in the XCom ``comparison``, as
    :class:`~endpointwatch.actions.comparison.Comparison` has them.

    Args:
        endpoint: The endpoint whose ``training`` section names metric and minimum gain.
        retraining: What :class:`AdmitRetrainingOperator` admitted (templated).
        evaluated: Result of :class:`EvaluateModelsOperator` (templated).
        promoted: Task to go on with when the challenger won.
        kept: Task to go on with when the champion stays.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = aws_template_fields("evaluated", "retraining")
    ui_color = "#e8f0d8"

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        retraining: Mapping[str, Any],
        evaluated: Mapping[str, Any],
        promoted: str,
        kept: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.retraining = retraining
        self.evaluated = evaluated
        self.promoted = promoted
        self.kept = kept

    def execute(self, context: Context) -> str | Iterable[str] | None:
        training, uri = training_of(self.endpoint), self.evaluated["evaluation_uri"]
        text = self.store.read(uri)
        if text is None:
            raise MissingResultError(f"{uri} is gone; clear the evaluating task to write it again.")
        try:
            comparison = compare(
                Evaluation.parse(text, source=uri),
                metric=training.metric,
                minimum_gain=training.minimum_gain,
                has_champion=Retraining.model_validate(self.retraining).champion is not None,
            )
        except DatasetError as error:
            # The same figures decide nothing the next time either.
            raise NotRetriedError(f"{error} The champion stays.") from error
        self.log.info("%s %s", "Promoted." if comparison.promoted else "The champion stays.", comparison.reason)
        context["ti"].xcom_push(key=COMPARISON, value=comparison.model_dump(mode="json"))
        return self.do_branch(context, self.promoted if comparison.promoted else self.kept)
