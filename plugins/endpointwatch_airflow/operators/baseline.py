"""Learn every monitor's baseline for the model version that was deployed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.jobs.plan import DATASET_PATH, HELD_OUT_PATH, OUTPUT_PATH, BaselinePlan
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.deployments import read
from endpointwatch_airflow.errors import MissingResultError, NotRetriedError
from endpointwatch_airflow.hooks.answers import Outcome, Request
from endpointwatch_airflow.labelled import label_monitors
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.links.sagemaker import JobLink, JobLogLink
from endpointwatch_airflow.operators.artefact import model_data_uri, model_mounts
from endpointwatch_airflow.operators.planned import PlannedJobOperator
from endpointwatch_airflow.operators.requests import Mount, Upload, planned_processing
from endpointwatch_airflow.scripts import found_scripts


class LearnBaselineOperator(PlannedJobOperator):
    """One processing job that learns all monitors' baselines.

    The data set is the YAML's ``baseline_dataset_uri``, else what the model package names; for monitors that need
    labels the same with ``held_out_dataset_uri``, where there is one. Baselines that were learnt from the same data
    sets for the same model version are kept, unless the run's parameter ``force`` is true.

    Args:
        endpoint: The endpoint.
        deployment_uri: S3 URI of the deployment record, usually a template.
        kwargs: As :class:`PlannedJobOperator` takes them.

    Returns:
        ``model_version``, ``dataset_uri``, ``baselines`` (URI of ``baseline.json`` by monitor) and ``job`` (None when
        the baselines were kept).
    """

    work: ClassVar[str] = "baseline"
    template_fields: Sequence[str] = aws_template_fields("endpoint_name", "deployment_uri")
    operator_extra_links = (JobLink(), JobLogLink(), ResultsLink())

    def __init__(self, *, endpoint: Endpoint, deployment_uri: str, **kwargs: Any) -> None:
        super().__init__(endpoint=endpoint, **kwargs)
        self.deployment_uri = deployment_uri

    def execute(self, context: Context) -> Any:
        deployment = self._deployment()
        layout = Layout.of(self.endpoint)
        persist_results(self, context, self.hook, layout.baselines(deployment.model_version))
        dataset = self._dataset(deployment)
        if not context["params"].get("force") and self._learnt(deployment):
            self.log.info("%s has its baselines from %s already", deployment.model_version, dataset)
            return self._result(deployment, dataset, job=None)
        return super().execute(context)

    def subject(self, context: Context) -> str:  # noqa: ARG002
        return self._deployment().model_version

    def identity(self, context: Context) -> tuple[str, ...]:  # noqa: ARG002
        deployment = self._deployment()
        sources = sorted({*self._sources(deployment).values()} - {self._dataset(deployment)})
        return (deployment.model_version, self._dataset(deployment), *sources, *self._monitors())

    def request(self, context: Context, job: str) -> Request:
        deployment = self._deployment()
        layout = Layout.of(self.endpoint)
        plan = BaselinePlan(
            endpoint=self.endpoint,
            monitors=self._monitors(),
            model_version=deployment.model_version,
            dataset_uri=self._dataset(deployment),
            held_out_dataset_uri=self._held_out(deployment),
            # The run's time, not the clock's: a retry asks for the same file.
            learned_at=context["dag_run"].run_after.isoformat(),
            model_data_uri=model_data_uri(self.hook, self.endpoint, deployment, self._monitors()),
        )
        plan_uri = f"{layout.job(job)}/plan.json"
        self.store.write(plan_uri, plan.to_json())
        return planned_processing(
            self.endpoint,
            plan_uri=plan_uri,
            mounts=[
                Mount("dataset", plan.dataset_uri, DATASET_PATH),
                *_held_out_mounts(plan),
                *(script.mount for script in found_scripts(self.store, self.endpoint, plan.monitors)),
                *model_mounts(plan.model_data_uri),
            ],
            uploads=[Upload("baselines", OUTPUT_PATH, layout.baselines(deployment.model_version))],
        )

    def succeeded(self, context: Context, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG002
        deployment = self._deployment()
        dataset = self._dataset(deployment)
        if not self._learnt(deployment):
            raise MissingResultError(
                f"Job {outcome.name} completed, but baselines of {deployment.model_version} from {dataset} are not all "
                f"below {Layout.of(self.endpoint).baselines(deployment.model_version)}. Read the job's log."
            )
        return self._result(deployment, dataset, job=outcome.name)

    def _monitors(self) -> tuple[str, ...]:
        return tuple(monitor.kind for monitor in self.endpoint.monitors)

    def _deployment(self) -> Deployment:
        return read(self.store, self.deployment_uri)

    def _dataset(self, deployment: Deployment) -> str:
        dataset = self.endpoint.baseline_dataset_uri or deployment.baseline_dataset_uri
        if dataset is None:
            raise NotRetriedError(
                "There is no data set to learn baselines from: neither does `baseline_dataset_uri` stand in the YAML "
                f"file of {self.endpoint.name}, nor does the model package of {deployment.model_version} name one "
                "under CustomerMetadataProperties.baseline_dataset_uri. Set one of the two, then clear this task."
            )
        return dataset

    def _held_out(self, deployment: Deployment) -> str | None:
        """The held-out rows; None where no monitor needs labels, or only one data set is named."""
        if not label_monitors(self.endpoint):
            return None
        return self.endpoint.held_out_dataset_uri or deployment.held_out_dataset_uri

    def _sources(self, deployment: Deployment) -> dict[str, str]:
        """The data set of each monitor's baseline."""
        dataset, held_out = self._dataset(deployment), self._held_out(deployment)
        return {
            monitor: held_out if held_out and monitor in label_monitors(self.endpoint) else dataset
            for monitor in self._monitors()
        }

    def _learnt(self, deployment: Deployment) -> bool:
        baselines = self._baselines(deployment)
        return all(self._source(baselines[name]) == source for name, source in self._sources(deployment).items())

    def _source(self, uri: str) -> str | None:
        text = self.store.read(uri)
        return None if text is None else json.loads(text).get("dataset_uri")

    def _baselines(self, deployment: Deployment) -> dict[str, str]:
        layout = Layout.of(self.endpoint)
        return {
            monitor: f"{layout.baseline(deployment.model_version, monitor)}/baseline.json"
            for monitor in self._monitors()
        }

    def _result(self, deployment: Deployment, dataset: str, *, job: str | None) -> dict[str, Any]:
        return {
            "model_version": deployment.model_version,
            "dataset_uri": dataset,
            "baselines": self._baselines(deployment),
            "job": job,
        }


def _held_out_mounts(plan: BaselinePlan) -> list[Mount]:
    uri = plan.held_out_dataset_uri
    return [Mount("held_out", uri, HELD_OUT_PATH)] if uri else []
