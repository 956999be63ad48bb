"""What every monitor of the SageMaker Python SDK (v3) is made with in these programs."""

from __future__ import annotations

from typing import Any

import boto3
from sagemaker.core.helper.session_helper import Session


def monitor_arguments() -> dict[str, Any]:
    """For the constructor of any monitor."""
    # Without a default bucket the SDK asks STS for the account, and it does so at AWS's own address whatever
    # AWS_ENDPOINT_URL says.
    session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket="sdk-results")
    return {
        "role": "arn:aws:iam::123456789012:role/EndpointWatch",
        "instance_count": 1,
        "instance_type": "ml.m5.large",
        "max_runtime_in_seconds": 600,
        "sagemaker_session": session,
    }
