"""An endpoint is in service when a real container answers /ping, and says why when it is not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws

NOT_HEALTHY = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


def until_accepted(call: Callable[[], Any]) -> Any:
    """What a call answers, once it answers something and is not refused."""
    end = time.monotonic() + 20
    while True:
        try:
            answer = call()
        except ClientError:
            if time.monotonic() > end:
                raise
        else:
            if answer or time.monotonic() > end:
                return answer
        time.sleep(0.1)


def test_an_endpoint_is_in_service_only_once_its_container_answers_ping(hosting):
    name, config = hosting.name(), hosting.config(PING_AFTER="1.5")
    began = time.monotonic()
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert hosting.describe(name)["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError, match="not found"):
        hosting.ask(name)
    assert hosting.settled(name)["EndpointStatus"] == "InService"
    assert time.monotonic() - began >= 1.5


def test_a_container_that_ends_makes_the_endpoint_failed_in_sagemakers_words(hosting):
    name = hosting.name()
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=hosting.config(EXIT="3"))
    found = hosting.settled(name)
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", NOT_HEALTHY)


def test_an_image_without_a_local_command_is_said_in_the_failure_reason(hosting):
    name, config = hosting.name(), hosting.config({"Image": "1.dkr.ecr.us-east-1.amazonaws.com/nobody-knows:1"})
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    found = hosting.settled(name)
    assert found["EndpointStatus"] == "Failed"
    assert "ImageNotFound" in found["FailureReason"]


def test_a_model_artifact_that_is_not_there_fails_the_endpoint(hosting):
    name, bucket = hosting.name(), hosting.bucket()
    config = hosting.config({"ModelDataUrl": f"s3://{bucket}/absent.tar.gz"})
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    found = hosting.settled(name)
    assert found["EndpointStatus"] == "Failed"
    assert "AllTraffic" in found["FailureReason"]


def test_the_container_gets_serve_the_artifact_and_its_environment(hosting):
    artifact = hosting.artifact(hosting.bucket(), weights="w", code="c")
    name = hosting.create(hosting.config({"ModelDataUrl": artifact}, VERSION="7"))
    seen = hosting.ask(name)
    assert (seen["files"], seen["version"]) == (["code", "weights"], "7")
    logs = hosting.aws.client("logs")
    group = f"/aws/sagemaker/Endpoints/{name}"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    variant, _, instance = stream["logStreamName"].partition("/")
    assert (variant, instance[:2]) == ("AllTraffic", "i-")
    lines, end = [], time.monotonic() + 10
    while not lines and time.monotonic() < end:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        lines = [event["message"] for event in events]
        time.sleep(0.1)
    assert lines == ["arguments ['serve'] version 7"]


def test_describe_tells_variants_capture_and_times(hosting):
    capture = hosting.capture(hosting.bucket(), InitialSamplingPercentage=25)
    config = hosting.config({"VariantName": "a", "InitialVariantWeight": 3.0}, {"VariantName": "b"}, capture=capture)
    found = hosting.describe(hosting.create(config))
    assert [(v["VariantName"], v["CurrentWeight"], v["DesiredInstanceCount"]) for v in found["ProductionVariants"]] == [
        ("a", 3.0, 1),
        ("b", 1.0, 1),
    ]
    assert found["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"].endswith("/test-server:1")
    assert found["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 25,
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": "",
    }
    assert found["EndpointConfigName"] == config
    assert found["CreationTime"] <= found["LastModifiedTime"]
    assert "FailureReason" not in found
    assert "PendingDeploymentSummary" not in found


def test_a_deleted_endpoint_goes_through_deleting_and_its_model_server_with_it(hosting):
    name = hosting.create()
    pid = hosting.ask(name)["pid"]
    hosting.sagemaker.delete_endpoint(EndpointName=name)
    assert hosting.describe(name)["EndpointStatus"] == "Deleting"
    assert until_accepted(lambda: hosting.sagemaker.list_endpoints(NameContains=name)["Endpoints"] == [])
    with pytest.raises(ClientError, match="Could not find endpoint"):
        hosting.describe(name)
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(ClientError, match="not found"):
        hosting.ask(name)


def test_a_name_can_be_used_again_after_a_failure_was_deleted(hosting):
    name = hosting.name()
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=hosting.config(EXIT="1"))
    assert hosting.settled(name)["EndpointStatus"] == "Failed"
    hosting.sagemaker.delete_endpoint(EndpointName=name)
    config = hosting.config()
    until_accepted(lambda: hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config))
    assert hosting.settled(name)["EndpointStatus"] == "InService"


@pytest.mark.parametrize(
    ("operation", "request_", "said"),
    [
        ("create_endpoint", {"EndpointConfigName": "none"}, "Could not find endpoint configuration"),
        ("update_endpoint", {"EndpointConfigName": "none"}, "Could not find endpoint"),
        ("describe_endpoint", {}, "Could not find endpoint"),
        ("delete_endpoint", {}, "Could not find endpoint"),
    ],
)
def test_what_is_not_there_is_a_validation_exception(hosting, operation, request_, said):
    with pytest.raises(ClientError, match=said) as raised:
        getattr(hosting.sagemaker, operation)(EndpointName="nobody", **request_)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_endpoints_are_listed_by_status_and_name(hosting):
    good, bad = hosting.create(), hosting.name()
    hosting.sagemaker.create_endpoint(EndpointName=bad, EndpointConfigName=hosting.config(EXIT="1"))
    hosting.settled(bad)

    def listed(**more):
        return [row["EndpointName"] for row in hosting.sagemaker.list_endpoints(**more)["Endpoints"]]

    assert bad in listed(StatusEquals="Failed")
    assert good not in listed(StatusEquals="Failed")
    assert listed(NameContains=good) == [good]


def test_a_model_server_that_ends_by_itself_is_started_again(hosting):
    name = hosting.create()
    before = hosting.ask(name)["pid"]
    with pytest.raises(ClientError, match="ModelError"):
        hosting.runtime.invoke_endpoint(EndpointName=name, Body="crash")
    assert until_accepted(lambda: hosting.ask(name))["pid"] != before


def test_every_state_of_an_endpoint_is_told_to_eventbridge(hosting):
    sqs, events, name = hosting.aws.client("sqs"), hosting.aws.client("events"), hosting.name()
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": [name]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    config = hosting.config()
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    hosting.settled(name)
    hosting.sagemaker.delete_endpoint(EndpointName=name)
    told, end = [], time.monotonic() + 15
    while len(told) < 3 and time.monotonic() < end:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in received.get("Messages", []):
            told.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    told.sort(key=lambda event: ["CREATING", "IN_SERVICE", "DELETING"].index(event["detail"]["EndpointStatus"]))
    assert [event["detail"]["EndpointStatus"] for event in told] == ["CREATING", "IN_SERVICE", "DELETING"]
    assert {event["detail"]["EndpointConfigName"] for event in told} == {config}
    assert {event["resources"][0] for event in told} == {told[0]["detail"]["EndpointArn"]}
