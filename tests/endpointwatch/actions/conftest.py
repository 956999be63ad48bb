"""An endpoint as its YAML would declare it, and SageMaker's own request model to hold bodies against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from endpointwatch.config.endpoint import Endpoint, Training

DECLARED: dict[str, Any] = {
    "name": "loan-approval",
    "aws": {"region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
    "results_uri": "s3://endpointwatch/results",
    "capture": {"destination_uri": "s3://endpointwatch/capture"},
    "schedule": {"start_date": "2026-11-01"},
    "job": {"image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"},
    "monitors": [{"kind": "data_quality"}],
    "training": {
        "image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-sklearn:0.1.0",
        "hyperparameters": {"estimator": "logistic_regression"},
        "initial_dataset_uri": "s3://endpointwatch/loan-approval/initial/",
        "artifacts_uri": "s3://endpointwatch/artifacts",
        "ground_truth_uri": "s3://endpointwatch/ground-truth/loan-approval",
        "features": ["loanamt", "hrat"],
        "label": "approve",
        "model_package_group": "loan-approval",
    },
}


@cache
def sagemaker() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


def problems(operation: str, body: Mapping[str, Any]) -> str:
    """What botocore's own validator has against the body; empty when SageMaker's model accepts it."""
    shape = sagemaker().operation_model(operation).input_shape
    return str(ParamValidator().validate(body, shape).generate_report())


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint.model_validate(DECLARED)


@pytest.fixture
def training(endpoint: Endpoint) -> Training:
    assert endpoint.training is not None
    return endpoint.training


@pytest.fixture
def declare() -> Callable[..., Endpoint]:
    """The endpoint with some top-level keys replaced."""
    return lambda **changes: Endpoint.model_validate({**DECLARED, **changes})


@pytest.fixture
def refusals() -> Callable[[str, Mapping[str, Any]], str]:
    return problems
