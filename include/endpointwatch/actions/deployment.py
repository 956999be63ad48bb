"""The bodies of ``CreateModel``, ``CreateEndpointConfig``, ``CreateEndpoint`` and ``UpdateEndpoint``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from endpointwatch.actions import naming, rollout
from endpointwatch.config.endpoint import Capture, Endpoint
from endpointwatch.errors import ConfigError

# What an endpoint's configuration consists of besides its name: DescribeEndpointConfig gives these back as they were
# sent, so a new configuration can keep them.
CONFIG_FIELDS = (
    "ProductionVariants",
    "ShadowProductionVariants",
    "DataCaptureConfig",
    "KmsKeyId",
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "MetricsConfig",
)

#: The shadow variant by which a version is tried out before it serves.
SHADOW = "EndpointWatchShadow"


def model_request(endpoint: Endpoint, *, model_name: str, package_arn: str) -> dict[str, Any]:
    """A model made from the registry: image and artifact are those of the approved package.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy.html
    """
    return {
        "ModelName": model_name,
        "ExecutionRoleArn": endpoint.aws.role_arn,
        "PrimaryContainer": {"ModelPackageName": package_arn},
        "Tags": naming.tags(endpoint),
    }


def serving_variant(endpoint: Endpoint, config: Mapping[str, Any]) -> dict[str, Any]:
    """The production variant of a live configuration that the endpoint's model serves from.

    Raises:
        ConfigError: There are several, and none has the declared name.
    """
    variants: Sequence[dict[str, Any]] = config["ProductionVariants"]
    if len(variants) == 1:
        return variants[0]
    for variant in variants:
        if variant["VariantName"] == endpoint.hosting.variant_name:
            return variant
    raise ConfigError(
        f"Endpoint {endpoint.name!r} has the variants {[variant['VariantName'] for variant in variants]}, but "
        f"`hosting.variant_name` is {endpoint.hosting.variant_name!r}; name the one to replace there."
    )


def endpoint_config_request(endpoint: Endpoint, *, model_name: str, live: Mapping[str, Any] | None) -> dict[str, Any]:
    """A configuration that serves ``model_name`` and captures as the YAML declares, named for its content.

    Args:
        endpoint: The declaration.
        model_name: The model to serve.
        live: The present configuration (:data:`CONFIG_FIELDS`), every other field of which is kept; None for a new
            endpoint.

    Raises:
        ConfigError: See :func:`serving_variant`.
    """
    if live is None:
        content: dict[str, Any] = {"ProductionVariants": [first_variant(endpoint, model_name)]}
    else:
        serving = serving_variant(endpoint, live)["VariantName"]
        variants = [
            {**variant, "ModelName": model_name} if variant["VariantName"] == serving else variant
            for variant in live["ProductionVariants"]
        ]
        kept = {key: live[key] for key in CONFIG_FIELDS if live.get(key) not in (None, [], {})}
        # A shadow that was put there to try a version out has served its time; anybody else's stays.
        shadows = [each for each in kept.pop("ShadowProductionVariants", []) if each["VariantName"] != SHADOW]
        content = {**kept, "ProductionVariants": variants, **({"ShadowProductionVariants": shadows} if shadows else {})}
    # The key that encrypts captures is not the YAML's to say: it stays as it is.
    kms_key = (live or {}).get("DataCaptureConfig", {}).get("KmsKeyId")
    content["DataCaptureConfig"] = data_capture_config(endpoint.capture) | ({"KmsKeyId": kms_key} if kms_key else {})
    return {
        "EndpointConfigName": naming.content_name(endpoint.name, content),
        **content,
        "Tags": naming.tags(endpoint),
    }


def first_variant(endpoint: Endpoint, model_name: str) -> dict[str, Any]:
    """The production variant of an endpoint that does not exist yet."""
    return {
        "VariantName": endpoint.hosting.variant_name,
        "ModelName": model_name,
        "InstanceType": endpoint.hosting.instance_type,
        "InitialInstanceCount": endpoint.hosting.initial_instance_count,
        "InitialVariantWeight": 1.0,
    }


def data_capture_config(capture: Capture) -> dict[str, Any]:
    """``DataCaptureConfig`` as the YAML declares it.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html
    """
    headers = {
        "CsvContentTypes": list(capture.csv_content_types),
        "JsonContentTypes": list(capture.json_content_types),
    }
    # An empty list is refused by SageMaker; a header list left out means its default.
    named = {key: value for key, value in headers.items() if value}
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.sampling_percentage,
        "DestinationS3Uri": capture.destination_uri,
        "CaptureOptions": [{"CaptureMode": mode} for mode in capture.modes],
        **({"CaptureContentTypeHeader": named} if named else {}),
    }


def create_request(endpoint: Endpoint, *, config_name: str) -> dict[str, Any]:
    """A new endpoint."""
    return {"EndpointName": endpoint.name, "EndpointConfigName": config_name, "Tags": naming.tags(endpoint)}


def update_request(endpoint: Endpoint, *, config_name: str, at_once: bool = False) -> dict[str, Any]:
    """An update that keeps the instance counts and weights which scaling has set since the last one.

    The capture is the new configuration's, not the retained one: the YAML decides about it.

    Args:
        endpoint: The declaration.
        config_name: What the endpoint is moved to.
        at_once: Leave out the declared strategy and its alarms. The way back takes it: an alarm that the bad version
            has raised would otherwise undo the rollback.
    """
    strategy = {} if at_once else rollout.deployment_config(endpoint)
    return {
        **({"DeploymentConfig": strategy} if strategy else {}),
        "EndpointName": endpoint.name,
        "EndpointConfigName": config_name,
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
    }
