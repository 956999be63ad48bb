"""``/opt/ml/config/processingjobconfig.json``: the request as SageMaker shows it to the container.

Every key is there, absent values are ``null``: containers read it by key.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def processing_job_config(record: Json) -> Json:
    """The file's content.

    Args:
        record: The job's record, members as in ``CreateProcessingJob`` and ``ProcessingJobArn``.
    """
    app = record["AppSpecification"]
    cluster = record["ProcessingResources"]["ClusterConfig"]
    outputs = record.get("ProcessingOutputConfig", {})
    network = record.get("NetworkConfig", {})
    return {
        "ProcessingJobArn": record["ProcessingJobArn"],
        "ProcessingJobName": record["ProcessingJobName"],
        "Environment": record.get("Environment", {}),
        "AppSpecification": _pick(app, "ImageUri", "ContainerEntrypoint", "ContainerArguments"),
        "ProcessingInputs": [_input(item) for item in record.get("ProcessingInputs", [])],
        "ProcessingOutputConfig": {
            "Outputs": [_output(item) for item in outputs.get("Outputs", [])],
            "KmsKeyId": outputs.get("KmsKeyId"),
        },
        "ProcessingResources": {
            "ClusterConfig": _pick(cluster, "InstanceCount", "InstanceType", "VolumeSizeInGB", "VolumeKmsKeyId")
        },
        "NetworkConfig": {
            "VpcConfig": network.get("VpcConfig"),
            "EnableNetworkIsolation": network.get("EnableNetworkIsolation", False),
            "EnableInterContainerTrafficEncryption": network.get("EnableInterContainerTrafficEncryption", False),
        },
        "RoleArn": record["RoleArn"],
        "StoppingCondition": _pick(record.get("StoppingCondition", {}), "MaxRuntimeInSeconds"),
    }


def _input(item: Json) -> Json:
    source = item.get("S3Input")
    defaults = {
        "S3DataDistributionType": "FullyReplicated",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3CompressionType": "None",
        "S3DownloadMode": "StartOfJob",
    }
    return {
        "InputName": item["InputName"],
        "AppManaged": item.get("AppManaged", False),
        "S3Input": source and _pick({**defaults, **source}, "LocalPath", "S3Uri", *defaults),
        "DatasetDefinitionInput": item.get("DatasetDefinition"),
    }


def _output(item: Json) -> Json:
    place = item.get("S3Output")
    return {
        "OutputName": item["OutputName"],
        "AppManaged": item.get("AppManaged", False),
        "S3Output": place and _pick(place, "LocalPath", "S3Uri", "S3UploadMode"),
        "FeatureStoreOutput": item.get("FeatureStoreOutput"),
    }


def _pick(source: Json, *names: str) -> Json:
    return {name: source.get(name) for name in names}
