"""Register a model version, and approve it unless a person is to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.actions import model_package, naming
from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.comparison import Comparison
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import ConfigError
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.model_registry import ModelRegistryHook, RegisteredPackage
from endpointwatch_airflow.links.registry import ModelPackageLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.operators.retraining import dataset_of, training_of


class RegisterModelOperator(EndpointWatchOperator):
    """Register the promoted model in its group and approve it by policy, the figures in the approval.

    With ``approval.by: person`` it stays ``PendingManualApproval``, for :class:`ApproveModelOperator` to ask. A package
    stands for a training job: a retry, or clearing the task, finds the one that is there. A package that a person has
    rejected is not approved over their head.

    Args:
        endpoint: The endpoint whose ``training`` section names the group.
        retraining: What :class:`AdmitRetrainingOperator` admitted (templated).
        trained: Result of :class:`TrainModelOperator` (templated).
        evaluated: Result of :class:`EvaluateModelsOperator` (templated).
        comparison: XCom ``comparison`` of :class:`CompareModelsOperator` (templated).
        reports: XCom ``reports`` of the same (templated): files that the registry's entry points to.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    template_fields: Sequence[str] = aws_template_fields("comparison", "evaluated", "reports", "retraining", "trained")
    operator_extra_links = (ModelPackageLink(),)
    ui_color = "#f0e4d8"

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        retraining: Mapping[str, Any],
        trained: Mapping[str, Any],
        evaluated: Mapping[str, Any],
        comparison: Mapping[str, Any],
        reports: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.retraining = retraining
        self.trained = trained
        self.evaluated = evaluated
        self.comparison = comparison
        self.reports = reports

    @cached_property
    def registry(self) -> ModelRegistryHook:
        return ModelRegistryHook(**self._hook_parameters)

    def execute(self, context: Context) -> dict[str, Any]:
        comparison = Comparison.model_validate(self.comparison)
        if not comparison.promoted:
            raise NotRetriedError(f"Nothing is registered for a challenger that has not won: {comparison.reason}")
        package = self._registered(comparison, f"{context['ti'].dag_id}/{context['ti'].run_id}")
        self.persist_link(context, ModelPackageLink, package_arn=package.arn)
        if package.approval == "Rejected":
            raise NotRetriedError(
                f"Model package {package.arn} was rejected by somebody; the champion stays. Approve it in the registry "
                "and clear this task to deploy it all the same."
            )
        if package.approval != "Approved" and self.endpoint.approval.by == "policy":
            self.registry.update_package(model_package.approval(package.arn, comparison))
            self.log.info("Approved %s by policy", package.arn)
        self.log.info("Registered %s: %s", package.arn, comparison.reason)
        return {
            "model_package_arn": package.arn,
            "model_package_version": package.version,
            "model_version": naming.model_name(self.endpoint.name, package.version),
        }

    def _manifest(self, retraining: Retraining) -> str:
        """What the run's own data set was made of; empty for a first version, and for data sets of before."""
        uri = dataset_of(self.endpoint, retraining).manifest
        return uri if retraining.champion is not None and self.store.exists(uri) else ""

    def _registered(self, comparison: Comparison, dag_run: str) -> RegisteredPackage:
        training, job = training_of(self.endpoint), self.trained["training_job"]
        retraining = Retraining.model_validate(self.retraining)
        try:
            request = model_package.request(
                self.endpoint,
                training,
                model_data_url=self.trained["model_data_url"],
                comparison=comparison,
                evaluation_uri=self.evaluated["evaluation_uri"],
                baseline_dataset_uri=self.evaluated["baseline_dataset_uri"],
                held_out_dataset_uri=self.evaluated.get("held_out_dataset_uri", ""),
                training_job=job,
                decision=retraining.request.decision,
                origin=model_package.Origin(
                    training_job_arn=self.trained.get("training_job_arn") or "",
                    manifest_uri=self._manifest(retraining),
                    windows=retraining.request.windows,
                    dag_run=dag_run,
                    reports=self.reports or {},
                ),
            )
        except ConfigError as error:
            raise NotRetriedError(str(error)) from error
        self.registry.ensure_group(model_package.group_request(self.endpoint, training))
        found = self.registry.find_package(
            training.model_package_group,
            key=model_package.TRAINING_JOB,
            value=job,
            since=self.registry.training_started_at(job),
        )
        if found is not None:
            self.log.info("%s is registered already, by an earlier try", found.arn)
            return found
        return self.registry.create_package(request)
