"""An endpoint of the demo's model in the local AWS, made as its retraining makes one but without Airflow."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from endpointwatch.actions import deployment, training_job
from endpointwatch.actions.artifacts import Artifacts, initial_dataset
from endpointwatch.config.loader import load
from loanapp.applications import Applications
from loanapp.cloud import Cloud, prepare
from loanapp.story import tell

ENDPOINT = Path(__file__).resolve().parents[2] / "include" / "endpoints" / "loan-approval.yaml"
ANCHOR = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = 60.0


@pytest.fixture(scope="session")
def endpoint():
    return load(ENDPOINT)


@pytest.fixture(scope="session")
def small_story():
    """24 hours of 20 applications."""
    return tell(Applications.load(), ANCHOR, rows=20)


@pytest.fixture(scope="session")
def cloud(start_lasting_pocketaws):
    return Cloud(start_lasting_pocketaws().env)


def ended(describe, status, going):
    deadline = time.monotonic() + SECONDS
    while (found := describe())[status] in going:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


@pytest.fixture(scope="session")
def served(cloud, endpoint, small_story):
    """The endpoint in service, with data capture, by a model that a training job has made of the demo's first data."""
    prepare(cloud, endpoint, small_story.initial)
    sagemaker = cloud.sagemaker
    artifacts = Artifacts.of(endpoint, "test")
    sagemaker.create_training_job(
        **training_job.request(
            endpoint, endpoint.training, job_name="first", dataset=initial_dataset(endpoint), artifacts=artifacts
        )
    )
    job = ended(lambda: sagemaker.describe_training_job(TrainingJobName="first"), "TrainingJobStatus", {"InProgress"})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    sagemaker.create_model(
        ModelName="loan-approval-v1",
        ExecutionRoleArn=endpoint.aws.role_arn,
        PrimaryContainer={
            "Image": endpoint.training.image_uri,
            "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
        },
    )
    config = deployment.endpoint_config_request(endpoint, model_name="loan-approval-v1", live=None)
    sagemaker.create_endpoint_config(**config)
    sagemaker.create_endpoint(**deployment.create_request(endpoint, config_name=config["EndpointConfigName"]))
    found = ended(lambda: sagemaker.describe_endpoint(EndpointName=endpoint.name), "EndpointStatus", {"Creating"})
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    return endpoint
