"""Create calls for processing jobs that follow a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.plan import PLAN_ENVIRONMENT_KEY, PLAN_PATH
from endpointwatch_airflow.hooks.answers import Request


@dataclass(frozen=True, slots=True)
class Mount:
    """An input of a processing job.

    Attributes:
        name: ``InputName``.
        uri: What is mounted: a prefix (end it with "/", or it takes in its longer-named neighbours), one object, or
            with ``manifest`` the manifest that lists the objects.
        path: Where it lies in the container.
        manifest: Whether ``uri`` is a manifest file.
    """

    name: str
    uri: str
    path: str
    manifest: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """An output of a processing job: what lies below ``path`` when it ends goes below ``uri``."""

    name: str
    path: str
    uri: str


def planned_processing(
    endpoint: Endpoint,
    *,
    plan_uri: str,
    mounts: Sequence[Mount],
    uploads: Sequence[Upload],
    image_uri: str | None = None,
) -> Request:
    """`CreateProcessingJob` without name and tags: the analyzer's image on the endpoint's `job` settings.

    Args:
        endpoint: Whose job it is.
        plan_uri: The plan's object (``plan.json``) in S3; mounted where the entry point looks for it.
        mounts: Inputs besides the plan.
        uploads: Outputs.
        image_uri: Another image than ``job.image_uri``.
    """
    return {
        "RoleArn": endpoint.aws.role_arn,
        "AppSpecification": {"ImageUri": image_uri or endpoint.job.image_uri},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": endpoint.job.instance_count,
                "InstanceType": endpoint.job.instance_type,
                "VolumeSizeInGB": endpoint.job.volume_size_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": endpoint.job.max_runtime_seconds},
        # Values are limited to 256 characters, so the environment points to the plan instead of carrying it.
        "Environment": {PLAN_ENVIRONMENT_KEY: f"{PLAN_PATH}/plan.json"},
        "ProcessingInputs": [mounted(mount) for mount in (Mount("plan", plan_uri, PLAN_PATH), *mounts)],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": upload.name,
                    "S3Output": {"S3Uri": upload.uri, "LocalPath": upload.path, "S3UploadMode": "EndOfJob"},
                }
                for upload in uploads
            ]
        },
    }


def mounted(mount: Mount) -> Request:
    """The mount as a member of ``ProcessingInputs``."""
    return {
        "InputName": mount.name,
        "S3Input": {
            "S3Uri": mount.uri,
            "LocalPath": mount.path,
            "S3DataType": "ManifestFile" if mount.manifest else "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }
