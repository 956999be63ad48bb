"""Switching data capture on, on an endpoint that serves: both ways of waiting, with real clients."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_fakes import context, endpoint
from endpointwatch_airflow.operators.capture import EndpointDataCaptureOperator
from endpointwatch_airflow.operators.deployment_record import RecordDeploymentOperator
from endpointwatch_airflow.operators.scaling import ScaleEndpointOperator

pytestmark = pytest.mark.pocketaws

# Answers every request with "0.5". SageMaker hands the port to listen on in SAGEMAKER_BIND_TO_PORT.
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Model(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Type", "text/csv"); self.end_headers()
        self.wfile.write(b"0.5")
HTTPServer(("127.0.0.1", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Model).serve_forever()
"""
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/always-half:1"


@pytest.fixture(scope="module")
def aws(start_pocketaws):
    return start_pocketaws(images=[{"pattern": "*/always-half:*", "command": [sys.executable, "-c", SERVER]}])


@pytest.fixture
def serving(aws, monkeypatch):
    """An endpoint in service that captures nothing: its name, and a bucket."""
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    client, name = aws.client("sagemaker"), f"loans-{uuid4().hex[:8]}"
    aws.client("s3").create_bucket(Bucket=name)
    client.create_model(ModelName=name, ExecutionRoleArn=aws.role, PrimaryContainer={"Image": IMAGE})
    variant = {
        "VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }  # fmt: skip
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    yield name
    client.delete_endpoint(EndpointName=name)


async def fired(trigger: Any) -> list[Any]:
    return [event.payload async for event in trigger.run()]


def ensure(name: str, *, deferrable: bool) -> dict[str, Any]:
    capture = endpoint(capture={"destination_uri": f"s3://{name}/capture"}).capture

    def task() -> EndpointDataCaptureOperator:
        return EndpointDataCaptureOperator(
            task_id="ensure", endpoint_name=name, capture=capture, deferrable=deferrable, waiter_delay=1,
            aws_conn_id=None,
        )  # fmt: skip

    here = task()
    try:
        return here.execute(context(here))
    except TaskDeferred as deferred:
        (event,) = asyncio.run(fired(deferred.trigger))
        resumed = task()
        resume = getattr(resumed, deferred.method_name)
        return resume(context(resumed), event=event, **(deferred.kwargs or {}))


@pytest.mark.parametrize("deferrable", [False, True], ids=["here", "deferred"])
def test_capture_is_switched_on_once_and_then_really_captures(aws, serving, deferrable):
    client = aws.client("sagemaker")
    first = ensure(serving, deferrable=deferrable)
    live = client.describe_endpoint(EndpointName=serving)
    assert first["changed"] is True
    assert (live["EndpointStatus"], live["EndpointConfigName"]) == ("InService", first["endpoint_config"])
    assert live["DataCaptureConfig"]["CaptureStatus"] == "Started"

    second = ensure(serving, deferrable=deferrable)
    assert (second["changed"], second["endpoint_config"]) == (False, first["endpoint_config"])

    aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=serving, ContentType="text/csv", Body="1,2")
    waiter = aws.client("s3")
    for _ in range(100):
        found = waiter.list_objects_v2(Bucket=serving, Prefix=f"capture/{serving}/AllTraffic/").get("Contents")
        if found:
            break
        asyncio.run(asyncio.sleep(0.2))
    record = json.loads(waiter.get_object(Bucket=serving, Key=found[0]["Key"])["Body"].read().splitlines()[0])
    assert record["captureData"]["endpointInput"]["data"] == "1,2"


def test_an_endpoint_in_service_is_scaled_and_left_alone_when_it_has_the_count(aws, serving):
    seen = []
    for _ in range(2):
        about = endpoint(name=serving, results_uri=f"s3://{serving}/results")
        task = ScaleEndpointOperator(
            task_id="scale", endpoint=about, desired_instance_count=2, waiter_delay=1, aws_conn_id=None
        )
        seen.append(task.execute(context(task)))
    assert seen == [{"instances": 2, "changed": True}, {"instances": 2, "changed": False}]
    (variant,) = aws.client("sagemaker").describe_endpoint(EndpointName=serving)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2


def test_a_live_endpoint_is_recorded_with_the_model_that_serves(aws, serving):
    about = endpoint(name=serving, results_uri=f"s3://{serving}/results")
    uris = set()
    for _ in range(2):
        task = RecordDeploymentOperator(task_id="record", endpoint=about, aws_conn_id=None)
        uris.add(task.execute(context(task)))
    (uri,) = uris
    assert uri.startswith(f"s3://{serving}/results/{serving}/deployments/")
    assert uri.endswith(f"-{serving}.json")
