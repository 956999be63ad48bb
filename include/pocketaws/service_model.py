"""botocore's model of SageMaker's API: the one source of what a request and an answer look like."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.model import ServiceModel

MODEL: ServiceModel = botocore.session.get_session().get_service_model("sagemaker")
OPERATION_NAMES: frozenset[str] = frozenset(MODEL.operation_names)


def output_members(operation: str) -> dict[str, Any]:
    """Name → shape of the members of an operation's answer; none where it answers nothing."""
    shape = MODEL.operation_model(operation).output_shape
    return {} if shape is None else dict(shape.members)
