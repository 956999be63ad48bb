"""Judge challenger and champion on the same rows, and branch on who won."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context

from endpointwatch.actions import evaluation_job
from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.artifacts import (
    BASELINE_FILE,
    EVALUATION_FILE,
    HELD_OUT_FILE,
    LATENCY_FILE,
    SCORES_FILE,
    Artifacts,
    initial_dataset,
)
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import DatasetError
from endpointwatch_airflow.errors import MissingResultError, NotRetriedError
from endpointwatch_airflow.hooks.answers import Outcome, Request
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.operators.job import SageMakerJobOperator
from endpointwatch_airflow.operators.retraining import dataset_of, training_of

COMPARISON, REPORTS = "comparison", "reports"
OPTIONAL = ("scores_uri", "latency_uri")


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
            initial_test_uri=self._initial_test() if retraining.champion else None,
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
        # An image that writes no held-out rows leaves the monitors that need labels to the baseline's; one that writes
        # neither scores nor latencies can only have its figures compared.
        others = {
            "held_out_dataset_uri": f"{folder}/{HELD_OUT_FILE}",
            "scores_uri": f"{folder}/{SCORES_FILE}",
            "latency_uri": f"{folder}/{LATENCY_FILE}",
        }
        return {**result, **{key: uri for key, uri in others.items() if self.store.exists(uri)}}

    def _initial_test(self) -> str | None:
        """The original data set's test rows; None when there are none: then SageMaker would not start the job."""
        uri = initial_dataset(self.endpoint).test
        return uri if next(iter(self.store.objects(uri)), None) else None

    def _output(self, job: str) -> str:
        return Artifacts.of(self.endpoint, Retraining.model_validate(self.retraining).run).evaluation(job)


class CompareModelsOperator(EndpointWatchOperator, BranchMixIn):
    """Branch to ``promoted`` when the challenger beats the champion, else to ``kept``.

    The figures are left in the XCom ``comparison``, as
    :class:`~endpointwatch.actions.comparison.Comparison` has them, and whole beside the evaluation in
    ``comparison.json``; with every row's scores there also the challenger's ``statistics.json`` and
    ``constraints.json`` of model quality and its ``bias.json``. Where these lie is left in the XCom ``reports``.

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
    operator_extra_links = (ResultsLink(),)
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
        uri = self.evaluated["evaluation_uri"]
        text = self.store.read(uri)
        if text is None:
            raise MissingResultError(f"{uri} is gone; clear the evaluating task to write it again.")
        # Numerical libraries, which no start of another task should load.
        from endpointwatch_airflow.comparing import compared  # noqa: PLC0415

        given = {key: self.store.read(told) for key in OPTIONAL if (told := self.evaluated.get(key))}
        try:
            comparison, reports = compared(
                self.endpoint,
                training_of(self.endpoint),
                evaluation=(uri, text),
                scores=(self.evaluated.get("scores_uri", ""), given.get("scores_uri")),
                latency=(self.evaluated.get("latency_uri", ""), given.get("latency_uri")),
                has_champion=Retraining.model_validate(self.retraining).champion is not None,
            )
        except DatasetError as error:
            # The same figures decide nothing the next time either.
            raise NotRetriedError(f"{error} The champion stays.") from error
        folder = uri.rpartition("/")[0]
        for name, content in reports.items():
            self.store.write(f"{folder}/{name}", content)
        persist_results(self, context, self.hook, folder)
        self.log.info("%s %s", "Promoted." if comparison.promoted else "The champion stays.", comparison.reason)
        context["ti"].xcom_push(key=COMPARISON, value=comparison.brief.model_dump(mode="json"))
        context["ti"].xcom_push(key=REPORTS, value={name: f"{folder}/{name}" for name in reports})
        return self.do_branch(context, self.promoted if comparison.promoted else self.kept)
