"""What a user of the SageMaker Python SDK (v3) writes to learn a baseline; run by ``sdk_program.py``."""

from __future__ import annotations

from typing import Any

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.model_monitor import DatasetFormat, DefaultModelMonitor


def answer(dataset: str, output_s3_uri: str) -> dict[str, Any]:
    """The job, and statistics and constraints as the SDK's own classes read them."""
    # Without a default bucket the SDK asks STS for the account, and it does so at AWS's own address whatever
    # AWS_ENDPOINT_URL says.
    session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket="sdk-results")
    monitor = DefaultModelMonitor(
        role="arn:aws:iam::123456789012:role/EndpointWatch",
        instance_count=1,
        instance_type="ml.m5.large",
        volume_size_in_gb=20,
        max_runtime_in_seconds=600,
        sagemaker_session=session,
    )
    monitor.suggest_baseline(
        baseline_dataset=dataset,
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=output_s3_uri,
        wait=True,
        logs=True,
    )
    job = monitor.latest_baselining_job
    return {
        "job": monitor.latest_baselining_job_name,
        "image": monitor.image_uri,
        "statistics": monitor.baseline_statistics().body_dict,
        "constraints": monitor.suggested_constraints().body_dict,
        "status": job.describe()["ProcessingJobStatus"],
        "exit_message": job.describe().get("ExitMessage"),
    }
