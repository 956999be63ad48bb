"""What the tests of the local AWS share: buckets, names, and jobs that run to their end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

JOB_SECONDS = 60.0


@pytest.fixture
def unique() -> str:
    """A name nobody else uses; the session's local AWS is shared."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(pocketaws, unique) -> str:
    """A bucket of the test's own."""
    pocketaws.client("s3").create_bucket(Bucket=unique)
    return unique


class Jobs:
    """Starts jobs in one local AWS and waits for them."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")

    def process(self, name: str, program: str, **more: Any) -> str:
        """Create a processing job whose container runs Python source."""
        arguments = self.aws.arguments_of(program)
        request = {
            "ProcessingJobName": name,
            "RoleArn": self.aws.role,
            "AppSpecification": {"ImageUri": self.aws.python_image, "ContainerArguments": arguments},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
            },
            **more,
        }
        self.sagemaker.create_processing_job(**request)
        return name

    def train(self, name: str, program: str, output: str, **more: Any) -> str:
        """Create a training job whose container runs Python source."""
        algorithm = {
            "TrainingImage": self.aws.python_image,
            "TrainingInputMode": "File",
            "ContainerArguments": self.aws.arguments_of(program),
            **more.pop("AlgorithmSpecification", {}),
        }
        request = {
            "TrainingJobName": name,
            "RoleArn": self.aws.role,
            "AlgorithmSpecification": algorithm,
            "OutputDataConfig": {"S3OutputPath": output},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **more,
        }
        self.sagemaker.create_training_job(**request)
        return name

    def processing(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_processing_job(ProcessingJobName=name))

    def training(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_training_job(TrainingJobName=name))

    def until(self, describe: Callable[[], Any], reached: Callable[[Any], bool]) -> Any:
        """Ask again until what is described is as wanted."""
        end = time.monotonic() + JOB_SECONDS
        while time.monotonic() < end:
            described = describe()
            if reached(described):
                return described
            time.sleep(0.05)
        pytest.fail(f"not reached in {JOB_SECONDS:g} s: {described}\n{self.aws.output()[-3000:]}")

    def processed(self, name: str) -> dict[str, Any]:
        """The processing job, once it has ended."""
        ended = {"Completed", "Failed", "Stopped"}
        return self.until(lambda: self.processing(name), lambda job: job["ProcessingJobStatus"] in ended)

    def trained(self, name: str) -> dict[str, Any]:
        """The training job, once it has ended."""
        ended = {"Completed", "Failed", "Stopped"}
        return self.until(lambda: self.training(name), lambda job: job["TrainingJobStatus"] in ended)

    def log_of(self, kind: str, name: str) -> list[str]:
        """All lines of a job's log."""
        logs = self.aws.client("logs")
        group = f"/aws/sagemaker/{kind}Jobs"
        (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        return [event["message"] for event in events["events"]]


@pytest.fixture
def jobs(pocketaws) -> Jobs:
    """Jobs in the session's local AWS."""
    return Jobs(pocketaws)


@pytest.fixture
def jobs_of() -> Callable[[Any], Jobs]:
    """Jobs in a local AWS of one's own."""
    return Jobs


@pytest.fixture
def objects(pocketaws) -> Callable[[str], dict[str, bytes]]:
    """Everything in a bucket: key → content."""
    s3 = pocketaws.client("s3")

    def everything(bucket: str) -> dict[str, bytes]:
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in found}

    return everything
