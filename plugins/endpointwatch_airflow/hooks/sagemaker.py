"""SageMaker, as the operators and triggers see it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from airflow.providers.amazon.aws.utils.waiter_with_logging import wait
from botocore.exceptions import ClientError

from endpointwatch_airflow.errors import EndpointError
from endpointwatch_airflow.hooks.answers import (
    CaptureSettings,
    EndpointConfig,
    LiveEndpoint,
    ModelVersion,
    Request,
    Variant,
)
from endpointwatch_airflow.hooks.data_capture import capture_settings, data_capture_config
from endpointwatch_airflow.hooks.jobs import JobsHook
from endpointwatch_airflow.hooks.refusals import is_missing, is_taken


class SageMakerHook(JobsHook):
    """Endpoints and models beside the jobs.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    # Endpoints

    def endpoint(self, name: str) -> LiveEndpoint | None:
        """The endpoint as it stands; None when there is none of that name."""
        try:
            answer = self.client.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        capture = answer.get("DataCaptureConfig", {})
        return LiveEndpoint(
            name=name,
            status=answer["EndpointStatus"],
            config_name=answer["EndpointConfigName"],
            created_at=answer["CreationTime"],
            modified_at=answer["LastModifiedTime"],
            capturing=bool(capture.get("EnableCapture")) and capture.get("CaptureStatus") == "Started",
            reason=answer.get("FailureReason"),
        )

    def endpoint_config(self, name: str) -> EndpointConfig:
        """The endpoint configuration of that name.

        Raises:
            ClientError: There is none.
        """
        answer = self.client.describe_endpoint_config(EndpointConfigName=name)
        return EndpointConfig(
            name=name,
            variants=tuple(
                Variant(variant["VariantName"], variant.get("ModelName")) for variant in answer["ProductionVariants"]
            ),
            capture=capture_settings(answer.get("DataCaptureConfig")),
        )

    def copy_endpoint_config(self, source: str, *, stem: str, capture: CaptureSettings) -> str:
        """Create a configuration that equals ``source`` in everything but data capture, and return its name.

        The name ends in a hash of the source's name and the new content: whoever asks for the same again gets the same
        configuration, not a second one. What the create call knows is carried over whatever it is: variants, shadow
        variants, asynchronous inference, explainer, metrics, keys, network, tags. The KMS key of the source's capture
        stays too.

        Args:
            source: Name of the configuration to follow.
            stem: Beginning of the new name; cut to fit into 63 characters.
            capture: The data capture that the copy declares.
        """
        answer = self.client.describe_endpoint_config(EndpointConfigName=source)
        accepted = self.client.meta.service_model.operation_model("CreateEndpointConfig").input_shape.members
        request: Request = {key: value for key, value in answer.items() if key in accepted}
        request["DataCaptureConfig"] = data_capture_config(
            capture, kms_key=answer.get("DataCaptureConfig", {}).get("KmsKeyId")
        )
        tags = [tag for tag in self._tags(answer["EndpointConfigArn"]) if not tag["Key"].startswith("aws:")]
        if tags:
            request["Tags"] = tags
        del request["EndpointConfigName"]
        content = json.dumps({"source": source, "request": request}, sort_keys=True, default=str)
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        name = f"{stem[:50].rstrip('-')}-{digest}"
        try:
            self.client.create_endpoint_config(EndpointConfigName=name, **request)
        except ClientError as error:
            # An earlier try got as far as this. The name carries a hash of the content, so it is the same one.
            if not is_taken(error):
                raise
        return name

    def update_capture(self, endpoint: str, config_name: str) -> None:
        """Move the endpoint to a configuration that differs in its data capture; instances and weights stay."""
        self.client.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=config_name,
            RetainAllVariantProperties=True,
            # "All" includes the capture that is to be changed, unless it is named here.
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
        )

    def wait_for_endpoint(self, name: str, *, delay: int, attempts: int) -> None:
        """Block until the endpoint is between no two states.

        Raises:
            WaiterMaxAttemptsError: It still was after ``attempts`` looks, ``delay`` seconds apart.
        """
        wait(
            waiter=self.get_waiter("EndpointSettled"),
            waiter_delay=delay,
            waiter_max_attempts=attempts,
            args={"EndpointName": name},
            failure_message=f"Endpoint {name} cannot be waited for",
            status_message=f"Endpoint {name} is",
            status_args=["EndpointStatus"],
        )

    # Models

    def model_behind(self, endpoint: LiveEndpoint, variant_name: str) -> ModelVersion:
        """The model that serves the endpoint's variant (its only one, if none has that name).

        Raises:
            EndpointError: Several variants, none of that name; or the variant has no model of its own.
        """
        config = self.endpoint_config(endpoint.config_name)
        named = [variant for variant in config.variants if variant.name == variant_name]
        candidates = named or list(config.variants)
        if len(candidates) != 1:
            raise EndpointError(
                f"Endpoint {endpoint.name} has the variants {[variant.name for variant in config.variants]}, "
                f"none named {variant_name!r}. Set `hosting.variant_name` to the one that is watched."
            )
        model = candidates[0].model_name
        if model is None:
            raise EndpointError(
                f"Variant {candidates[0].name} of endpoint {endpoint.name} names no model (inference components?). "
                "Only variants with a model of their own can be watched."
            )
        return self.model_version(model)

    def model_version(self, model: str) -> ModelVersion:
        """A SageMaker model with the properties of the model package it was created from, if it was."""
        answer = self.client.describe_model(ModelName=model)
        containers = [answer["PrimaryContainer"]] if "PrimaryContainer" in answer else answer.get("Containers", [])
        package = next((box["ModelPackageName"] for box in containers if box.get("ModelPackageName")), None)
        if package is None:
            return ModelVersion(name=model, package_arn=None)
        described = self.client.describe_model_package(ModelPackageName=package)
        return ModelVersion(
            name=model,
            package_arn=described["ModelPackageArn"],
            properties=described.get("CustomerMetadataProperties", {}),
        )

    def model_data_uri(self, model: str, package_arn: str | None) -> str | None:
        """Where the artefact of a model version lies in S3; None when it is gone or has no artefact of its own.

        Args:
            model: Name of the SageMaker model.
            package_arn: Of the model package it was created from, if it was: packages outlive deleted models.
        """
        if package_arn is None:
            try:
                answer = self.client.describe_model(ModelName=model)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            boxes = [answer["PrimaryContainer"]] if "PrimaryContainer" in answer else answer.get("Containers", [])
            package_arn = next((box["ModelPackageName"] for box in boxes if box.get("ModelPackageName")), None)
        if package_arn is not None:
            try:
                described = self.client.describe_model_package(ModelPackageName=package_arn)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            boxes = described.get("InferenceSpecification", {}).get("Containers", [])
        # Of a pipeline of containers the artefact is not one model: then there is none to load.
        return _model_data(boxes[0]) if len(boxes) == 1 else None

    def _tags(self, arn: str) -> Iterator[dict[str, str]]:
        for page in self.client.get_paginator("list_tags").paginate(ResourceArn=arn):
            yield from page["Tags"]


def _model_data(box: dict[str, Any]) -> str | None:
    source = box.get("ModelDataSource", {}).get("S3DataSource", {})
    uri = box.get("ModelDataUrl") or source.get("S3Uri")
    return str(uri) if uri else None
