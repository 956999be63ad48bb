"""What the analyzer's image sends to the live endpoint: InvokeEndpoint's own parameters, and its errors told apart."""

from __future__ import annotations

import io

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from containers.analyzer import live_endpoint
from endpointwatch.errors import ModelError
from endpointwatch.jobs.models.live import ThrottledError

SENT = {
    "EndpointName": "loans", "Body": b"1,2\n", "ContentType": "text/csv",
    "InferenceId": "endpointwatch-attribution/202611011400-1", "CustomAttributes": "endpointwatch=attribution",
}  # fmt: skip


@pytest.fixture
def stubbed(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("sagemaker-runtime", region_name="us-east-1")
    asked = []

    def make(service: str, **options):
        asked.append((service, options["region_name"], options["config"].retries))
        return client

    monkeypatch.setattr(live_endpoint.boto3, "client", make)
    call = live_endpoint.connect("loans", "us-east-1")
    # No try may be made behind the budget's back.
    assert asked == [("sagemaker-runtime", "us-east-1", {"total_max_attempts": 1})]
    with Stubber(client) as stubber:
        yield stubber, lambda: call(
            SENT["Body"], content_type="text/csv", inference_id=SENT["InferenceId"],
            custom_attributes=SENT["CustomAttributes"],
        )  # fmt: skip


def test_a_request_is_marked_and_its_answer_is_the_body(stubbed):
    stubber, call = stubbed
    stubber.add_response("invoke_endpoint", {"Body": StreamingBody(io.BytesIO(b"0.5\n"), 4)}, SENT)
    assert call() == b"0.5\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("ServiceUnavailable", 503), ("ModelError", 429)],
)
def test_throttling_is_told_from_other_errors(stubbed, code, status):
    stubber, call = stubbed
    stubber.add_client_error("invoke_endpoint", code, "Rate exceeded", http_status_code=status)
    with pytest.raises(ThrottledError, match="Rate exceeded"):
        call()


def test_a_refusal_says_which_permission_is_needed(stubbed):
    stubber, call = stubbed
    stubber.add_client_error("invoke_endpoint", "AccessDeniedException", "no", http_status_code=403)
    with pytest.raises(ModelError, match="sagemaker:InvokeEndpoint"):
        call()
