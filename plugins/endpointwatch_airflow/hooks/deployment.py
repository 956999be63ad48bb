"""Making models and endpoint configurations, and moving endpoints to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from endpointwatch.actions.deployment import CONFIG_FIELDS
from endpointwatch.actions.naming import ENDPOINT_TAG
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.refusals import is_missing, is_taken
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook


class DeploymentHook(SageMakerHook):
    """What deploying a model version needs. Everything can be asked for twice and is made once."""

    def ensure_model(self, request: Request) -> None:
        """Create the model unless it is there.

        Raises:
            NotRetriedError: There is a model of that name, made from another package.
        """
        name, package = request["ModelName"], request["PrimaryContainer"]["ModelPackageName"]
        try:
            self.client.create_model(**request)
        except ClientError as error:
            if not is_taken(error):
                raise
        else:
            return
        container = self.client.describe_model(ModelName=name).get("PrimaryContainer", {})
        if container.get("ModelPackageName") != package:
            raise NotRetriedError(
                f"Model {name!r} is there already, but made from "
                f"{container.get('ModelPackageName') or container.get('Image')}, not from {package}. "
                "Delete it if nothing serves it, then clear this task."
            )

    def ensure_endpoint_config(self, request: Request) -> None:
        """Create the configuration unless it is there; its name says what it contains."""
        try:
            self.client.create_endpoint_config(**request)
        except ClientError as error:
            if not is_taken(error):
                raise

    def config_content(self, name: str) -> Mapping[str, Any]:
        """A configuration in the words of ``CreateEndpointConfig``, without its name and tags.

        Raises:
            ClientError: There is none of that name.
        """
        answer = self.client.describe_endpoint_config(EndpointConfigName=name)
        return {key: answer[key] for key in CONFIG_FIELDS if key in answer}

    def find_config(self, name: str) -> Mapping[str, Any] | None:
        """As :meth:`config_content`; None when there is none of that name."""
        try:
            return self.config_content(name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def has_model(self, name: str) -> bool:
        try:
            self.client.describe_model(ModelName=name)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True

    def delete_config_made_for(self, endpoint: str, name: str) -> bool:
        """Delete a configuration that this project made for the endpoint; False when it is not, or has gone."""
        try:
            arn = self.client.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"]
            if not self._made_for(endpoint, arn):
                return False
            self.client.delete_endpoint_config(EndpointConfigName=name)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True

    def delete_model_made_for(self, endpoint: str, name: str) -> bool:
        """Delete a model that this project made for the endpoint; False when it is not, or has gone.

        Its package in the registry stays, and so does its artefact.
        """
        try:
            arn = self.client.describe_model(ModelName=name)["ModelArn"]
            if not self._made_for(endpoint, arn):
                return False
            self.client.delete_model(ModelName=name)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True

    def _made_for(self, endpoint: str, arn: str) -> bool:
        return {"Key": ENDPOINT_TAG, "Value": endpoint} in list(self._tags(arn))

    def in_use(self, endpoint: str) -> tuple[frozenset[str], frozenset[str]]:
        """Models and configurations that the endpoint serves by, or is being moved to."""
        answer = self.client.describe_endpoint(EndpointName=endpoint)
        names = {answer["EndpointConfigName"], answer.get("PendingDeploymentSummary", {}).get("EndpointConfigName")}
        configs = {str(name) for name in names if name}
        models = {
            str(variant["ModelName"])
            for content in filter(None, map(self.find_config, configs))
            for member in ("ProductionVariants", "ShadowProductionVariants")
            for variant in content.get(member, ())
            if "ModelName" in variant
        }
        return frozenset(models), frozenset(configs)

    def instances(self, endpoint: str) -> dict[str, int]:
        """Instance counts by variant, as they were last asked for; a serverless variant has none."""
        answer = self.client.describe_endpoint(EndpointName=endpoint)
        counts = {
            variant["VariantName"]: variant.get("DesiredInstanceCount", variant.get("CurrentInstanceCount"))
            for variant in answer.get("ProductionVariants", ())
        }
        return {name: count for name, count in counts.items() if count is not None}

    def set_instances(self, endpoint: str, variant: str, count: int) -> None:
        """Ask for so many instances of a variant; its weight stays."""
        self.client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": variant, "DesiredInstanceCount": count}],
        )

    def pending_config(self, endpoint: str) -> str | None:
        """Name of the configuration that an endpoint is being moved to; None when it is not, or not known."""
        try:
            answer = self.client.describe_endpoint(EndpointName=endpoint)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        name = answer.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
        return str(name) if name else None

    def create_endpoint(self, request: Request) -> None:
        """Create the endpoint; no error when another try of the same task has."""
        try:
            self.client.create_endpoint(**request)
        except ClientError as error:
            if not is_taken(error):
                raise

    def update_endpoint(self, request: Request) -> None:
        """Move the endpoint to another configuration."""
        self.client.update_endpoint(**request)
