"""The bodies of ``CreateModelPackage`` and of its approval."""

from __future__ import annotations

import re
import uuid
from typing import Any

from endpointwatch.actions.comparison import Comparison
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import Training
from endpointwatch.errors import ConfigError

TRAINING_JOB, BASELINE_DATASET, DECISION = "training_job", "baseline_dataset_uri", "decision"
HELD_OUT_DATASET = "held_out_dataset_uri"
# A value of CustomerMetadataProperties, as SageMaker's API model limits it.
METADATA_VALUE = re.compile(r"[\w .:/=+\-@]{1,256}")


def request(
    endpoint: Endpoint,
    training: Training,
    *,
    model_data_url: str,
    comparison: Comparison,
    evaluation_uri: str,
    baseline_dataset_uri: str,
    training_job: str,
    decision: str,
    held_out_dataset_uri: str = "",
) -> dict[str, Any]:
    """Register a model version, not yet approved.

    ``CustomerMetadataProperties`` say where it came from, and which data sets its baselines are to be learnt from.

    Raises:
        ConfigError: A URI is longer than the 256 characters that SageMaker keeps, or has characters it refuses.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
    """
    metadata = {
        TRAINING_JOB: training_job,
        BASELINE_DATASET: baseline_dataset_uri,
        HELD_OUT_DATASET: held_out_dataset_uri,
        DECISION: decision,
    }
    content_types = [*endpoint.capture.csv_content_types, *endpoint.capture.json_content_types]
    inference = endpoint.hosting.instance_type
    return {
        "ModelPackageGroupName": training.model_package_group,
        "ModelPackageDescription": f"{endpoint.name}: {comparison.reason}"[:1024],
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": training.image_uri, "ModelDataUrl": model_data_url}],
            "SupportedContentTypes": content_types,
            "SupportedResponseMIMETypes": content_types,
            "SupportedRealtimeInferenceInstanceTypes": [inference],
            "SupportedTransformInstanceTypes": [inference],
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": evaluation_uri}},
        },
        "CustomerMetadataProperties": {key: fitting(key, value) for key, value in metadata.items() if value},
        # Two requests for the same training job are one package, even when the first one's answer was lost.
        "ClientToken": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{training.model_package_group}/{training_job}")),
    }


def approval(package_arn: str, comparison: Comparison) -> dict[str, Any]:
    """Approve by policy: the figures that the approval rests on stand in it."""
    return {
        "ModelPackageArn": package_arn,
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": f"By policy. {comparison.reason}"[:1024],
    }


def group_request(endpoint: Endpoint, training: Training) -> dict[str, Any]:
    """The group that holds every version of the endpoint's model."""
    return {
        "ModelPackageGroupName": training.model_package_group,
        "ModelPackageGroupDescription": f"Versions of the model behind endpoint {endpoint.name}.",
    }


def fitting(key: str, value: str) -> str:
    """``value``, if a model package's metadata can hold it.

    Raises:
        ConfigError: It is longer than 256 characters, or has some that SageMaker refuses.
    """
    if not METADATA_VALUE.fullmatch(value):
        raise ConfigError(
            f"{key}={value!r} does not fit into a model package's metadata: SageMaker keeps at most 256 letters, "
            "digits, spaces and _.:/=+-@. Shorten `training.artifacts_uri` or `results_uri`, or rename what has other "
            "characters."
        )
    return value
