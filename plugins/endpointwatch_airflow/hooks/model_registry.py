"""SageMaker's model registry: groups, packages and their approval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from endpointwatch_airflow.errors import EndpointError
from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.refusals import is_missing, is_taken
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook


@dataclass(frozen=True, slots=True)
class RegisteredPackage:
    """One version in a model package group.

    Attributes:
        version: Its number in the group, from 1.
        model_data_url: S3 URI of the ``model.tar.gz``; None for a package with no artifact of its own.
        status: ``Pending``, ``InProgress``, ``Completed``, ``Failed`` or ``Deleting``.
        approval: ``Approved``, ``Rejected`` or ``PendingManualApproval``.
        properties: ``CustomerMetadataProperties``.
    """

    arn: str
    version: int
    model_data_url: str | None
    status: str
    approval: str | None
    properties: Mapping[str, str] = field(default_factory=dict)


class ModelRegistryHook(SageMakerHook):
    """Registering and approving model versions, and finding the artifact behind a model."""

    def ensure_group(self, request: Request) -> None:
        """Create the model package group unless it is there."""
        try:
            self.client.describe_model_package_group(ModelPackageGroupName=request["ModelPackageGroupName"])
        except ClientError as error:
            if not is_missing(error):
                raise
        else:
            return
        try:
            self.client.create_model_package_group(**request)
        except ClientError as error:
            # Another endpoint's run, with the same group, was faster.
            if not is_taken(error):
                raise

    def package(self, arn: str) -> RegisteredPackage:
        """The package of that ARN.

        Raises:
            ClientError: There is none.
        """
        answer = self.client.describe_model_package(ModelPackageName=arn)
        containers = answer.get("InferenceSpecification", {}).get("Containers") or [{}]
        return RegisteredPackage(
            arn=answer["ModelPackageArn"],
            version=int(answer["ModelPackageVersion"]),
            model_data_url=_artifact(containers[0]),
            status=answer["ModelPackageStatus"],
            approval=answer.get("ModelApprovalStatus"),
            properties=answer.get("CustomerMetadataProperties", {}),
        )

    def find_package(
        self, group: str, *, key: str, value: str, since: datetime | None = None
    ) -> RegisteredPackage | None:
        """The newest package of the group whose metadata says ``key = value``; None when there is none.

        Args:
            group: Name of the model package group.
            key: A key of ``CustomerMetadataProperties``; listings do not show these, so each candidate is described.
            value: Its value.
            since: Leave out packages made before; spares describing a long history.
        """
        pages = self.client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group,
            SortBy="CreationTime",
            SortOrder="Descending",
            **({"CreationTimeAfter": since} if since else {}),
        )
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                package = self.package(summary["ModelPackageArn"])
                if package.properties.get(key) == value:
                    return package
        return None

    def create_package(self, request: Request) -> RegisteredPackage:
        """Register a version and describe it."""
        return self.package(self.client.create_model_package(**request)["ModelPackageArn"])

    def update_package(self, request: Request) -> None:
        """Change a version's approval (``UpdateModelPackage``)."""
        self.client.update_model_package(**request)

    def training_started_at(self, job_name: str) -> datetime | None:
        """When the training job was created; None when there is none of that name."""
        try:
            created = self.client.describe_training_job(TrainingJobName=job_name)["CreationTime"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return created if isinstance(created, datetime) else None

    def model_data_url(self, model_name: str) -> str:
        """S3 URI of the artifact that a SageMaker model serves, its own or its package's.

        Raises:
            EndpointError: It has none: several containers, or an image that brings its model along.
        """
        answer = self.client.describe_model(ModelName=model_name)
        container: Mapping[str, Any] = answer.get("PrimaryContainer") or next(iter(answer.get("Containers", [])), {})
        package = container.get("ModelPackageName")
        url = _artifact(container) or (self.package(package).model_data_url if package else None)
        if url is None:
            raise EndpointError(
                f"Model {model_name!r} names no model.tar.gz that a challenger could be compared with. Deploy it "
                "from a model package whose InferenceSpecification has a ModelDataUrl."
            )
        return url


def _artifact(container: Mapping[str, Any]) -> str | None:
    url = container.get("ModelDataUrl")
    return str(url) if url else None
