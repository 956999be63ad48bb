"""Calls the watched endpoint for the attribution monitor: the one place of the analyzer's image that meets boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from endpointwatch.errors import ModelError
from endpointwatch.jobs.models.live import ThrottledError

if TYPE_CHECKING:
    from endpointwatch.jobs.models.live import Caller

_THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "ServiceUnavailable", "ModelNotReadyException"}
)
_TOO_MANY = 429


def connect(endpoint: str, region: str | None) -> Caller:
    """A function that sends one CSV request to ``endpoint`` and gives back the body of its answer."""
    # Each try counts against the budget, so that none may be made behind its back.
    config = Config(retries={"total_max_attempts": 1}, read_timeout=70)
    client = boto3.client("sagemaker-runtime", region_name=region, config=config)

    def call(body: bytes, *, content_type: str, inference_id: str, custom_attributes: str) -> bytes:
        try:
            answer = client.invoke_endpoint(
                EndpointName=endpoint,
                Body=body,
                ContentType=content_type,
                InferenceId=inference_id,
                CustomAttributes=custom_attributes,
            )
            return bytes(answer["Body"].read())
        except ClientError as error:
            about = error.response["Error"]
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            original = error.response.get("OriginalStatusCode")
            if about["Code"] in _THROTTLED or _TOO_MANY in (status, original):
                raise ThrottledError(about.get("Message", about["Code"])) from error
            raise ModelError(
                f"The endpoint {endpoint} refuses attribution's request: {about['Code']}: {about.get('Message', '')}. "
                "The job's role needs sagemaker:InvokeEndpoint, and the endpoint must take text/csv."
            ) from error
        except BotoCoreError as error:
            raise ModelError(f"The endpoint {endpoint} cannot be called: {error}") from error

    return call
