"""The body of ``CreateTrainingJob``."""

from __future__ import annotations

from typing import Any

from endpointwatch.actions.artifacts import Artifacts, Dataset
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import Training

METRICS = ("auc", "accuracy", "f1", "log_loss")
HYPERPARAMETER_LENGTH = 2500
CSV = "text/csv"
# How often SageMaker itself starts a job again that broke down through no fault of its own (InternalServerError).
RETRY_ATTEMPTS = 2


def request(
    endpoint: Endpoint, training: Training, *, job_name: str, dataset: Dataset, artifacts: Artifacts
) -> dict[str, Any]:
    """Train on ``dataset``; the model goes to ``artifacts.models/<job name>/output/model.tar.gz``.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    return {
        "TrainingJobName": job_name,
        "RoleArn": endpoint.aws.role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": training.image_uri,
            "TrainingInputMode": "File",
            "MetricDefinitions": metric_definitions(training),
        },
        "HyperParameters": hyperparameters(training),
        "InputDataConfig": [_channel("train", dataset.train), _channel("validation", dataset.validation)],
        "OutputDataConfig": {"S3OutputPath": artifacts.models},
        "ResourceConfig": {
            "InstanceType": training.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": training.volume_size_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": training.max_runtime_seconds},
        "RetryStrategy": {"MaximumRetryAttempts": RETRY_ATTEMPTS},
    }


def hyperparameters(training: Training) -> dict[str, str]:
    """The YAML's, and what the columns mean. An image that does not know ``label`` or ``features`` ignores them.

    The features stand in the order of the endpoint's CSV rows; SageMaker allows 2,500 characters, and where they are
    more the data's header alone must do.
    """
    features = ",".join(training.features)
    named = {"label": training.label} | ({"features": features} if len(features) <= HYPERPARAMETER_LENGTH else {})
    return named | training.hyperparameters


def metric_definitions(training: Training) -> list[dict[str, str]]:
    """What SageMaker picks out of the log: what the YAML says, else figures such as ``validation:auc=0.9123;``."""
    if training.metric_definitions is not None:
        return [{"Name": one.name, "Regex": one.regex} for one in training.metric_definitions]
    return [
        {"Name": f"{part}:{metric}", "Regex": rf"{part}:{metric}=([-+0-9.eE]+);"}
        for part in ("train", "validation")
        for metric in METRICS
    ]


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": CSV, "InputMode": "File"}
