"""What a user of the SageMaker Python SDK (v3) writes; run as a program of its own by ``test_sagemaker_sdk.py``.

The last line it prints is one JSON object: the job's name, and statistics and constraints as the SDK's own classes read
them.
"""

from __future__ import annotations

import json
import sys

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.model_monitor import DatasetFormat, DefaultModelMonitor


def main(dataset: str, output_s3_uri: str) -> None:
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
    answer = {
        "job": monitor.latest_baselining_job_name,
        "image": monitor.image_uri,
        "statistics": monitor.baseline_statistics().body_dict,
        "constraints": monitor.suggested_constraints().body_dict,
        "status": job.describe()["ProcessingJobStatus"],
        "exit_message": job.describe().get("ExitMessage"),
    }
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
