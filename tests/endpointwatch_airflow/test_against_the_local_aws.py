"""The hooks and triggers with real clients, boto3 and aiobotocore, reached by ``AWS_ENDPOINT_URL`` alone."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from airflow.exceptions import AirflowException

from endpointwatch_airflow.captured import manifest
from endpointwatch_airflow.hooks.answers import CaptureSettings
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.triggers.capture import CaptureSettledTrigger
from endpointwatch_airflow.triggers.job import JobTrigger

pytestmark = pytest.mark.pocketaws

CAPTURE = CaptureSettings(
    enabled=True,
    sampling_percentage=50,
    destination_uri="s3://loans/capture",
    modes=frozenset({"Input", "Output"}),
    csv_content_types=frozenset({"text/csv"}),
    json_content_types=frozenset(),
)


@pytest.fixture(autouse=True)
def reached(pocketaws, monkeypatch):
    """The only thing that says where AWS is."""
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def bucket(pocketaws):
    name = f"loans-{uuid4().hex[:8]}"
    pocketaws.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def sagemaker():
    return SageMakerHook(aws_conn_id=None)


@pytest.fixture
def store():
    return StoreHook(aws_conn_id=None)


def job(pocketaws: Any, source: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": f"job-{uuid4().hex[:12]}",
        "RoleArn": pocketaws.role,
        "AppSpecification": {
            "ImageUri": pocketaws.python_image,
            "ContainerArguments": pocketaws.arguments_of(source),
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    }


def events(trigger: Any) -> list[Any]:
    async def collect() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


def test_what_is_not_there_is_none(sagemaker, store, bucket):
    assert sagemaker.outcome("ProcessingJob", "nobody") is None
    assert sagemaker.outcome("TrainingJob", "nobody") is None
    assert sagemaker.endpoint("nobody") is None
    assert store.read(f"s3://{bucket}/nothing") is None
    assert store.exists(f"s3://{bucket}/nothing") is False
    sagemaker.stop_job("ProcessingJob", "nobody")


def test_a_job_is_created_once_under_its_name_and_waited_for_by_both_clients(pocketaws, sagemaker):
    request = job(pocketaws, "print('done')")
    name = request["ProcessingJobName"]
    assert sagemaker.start_job("ProcessingJob", request) is True
    assert sagemaker.start_job("ProcessingJob", request) is False
    trigger = JobTrigger(kind="ProcessingJob", job_name=name, waiter_delay=1, waiter_max_attempts=60, aws_conn_id=None)
    assert events(trigger) == [{"status": "success", "job_name": name}]
    sagemaker.wait_for_job("ProcessingJob", name, delay=1, attempts=5)
    outcome = sagemaker.outcome("ProcessingJob", name)
    assert outcome.succeeded
    assert outcome.arn.endswith(name)
    sagemaker.stop_job("ProcessingJob", name)


def test_a_failed_job_ends_the_wait_like_any_other_and_says_why(pocketaws, sagemaker):
    source = "import os, pathlib; p = pathlib.Path(os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml')) / 'output';"
    source += " p.mkdir(parents=True, exist_ok=True); (p / 'message').write_text('no rows'); raise SystemExit(3)"
    request = job(pocketaws, source)
    sagemaker.start_job("ProcessingJob", request)
    sagemaker.wait_for_job("ProcessingJob", request["ProcessingJobName"], delay=1, attempts=60)
    outcome = sagemaker.outcome("ProcessingJob", request["ProcessingJobName"])
    assert outcome.status == "Failed"
    assert not outcome.reusable
    assert "no rows" in f"{outcome.reason} {outcome.exit_message}"


def test_ending_the_deferred_task_stops_the_running_job(pocketaws, sagemaker):
    request = job(pocketaws, "import time; time.sleep(120)")
    name = request["ProcessingJobName"]
    sagemaker.start_job("ProcessingJob", request)
    with pytest.raises(AirflowException, match="max attempts"):
        sagemaker.wait_for_job("ProcessingJob", name, delay=1, attempts=1)
    asyncio.run(JobTrigger(kind="ProcessingJob", job_name=name, aws_conn_id=None).on_kill())
    sagemaker.wait_for_job("ProcessingJob", name, delay=1, attempts=60)
    assert sagemaker.outcome("ProcessingJob", name).status == "Stopped"


def test_a_manifest_brings_exactly_its_objects_into_the_job(pocketaws, sagemaker, store, bucket):
    root = f"s3://{bucket}/manifest/loans"
    for name in ("AllTraffic/2026/03/01/14/a.jsonl", "AllTraffic/2026/03/01/15/b.jsonl"):
        store.write(f"{root}/{name}", name)
    listed = list(store.objects(f"{root}/AllTraffic/2026/03/01/14/"))
    store.write(f"s3://{bucket}/manifest/m", manifest(root, listed))
    source = (
        "import os, pathlib; b = pathlib.Path(os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml')) / 'processing';"
        "f = sorted(str(p.relative_to(b / 'in')) for p in (b / 'in').rglob('*') if p.is_file());"
        "(b / 'out').mkdir(exist_ok=True); (b / 'out' / 'seen').write_text(repr(f))"
    )
    request = job(pocketaws, source)
    request["ProcessingInputs"] = [
        {
            "InputName": "capture",
            "S3Input": {
                "S3Uri": f"s3://{bucket}/manifest/m", "LocalPath": "/opt/ml/processing/in",
                "S3DataType": "ManifestFile", "S3InputMode": "File",
            },
        }
    ]  # fmt: skip
    request["ProcessingOutputConfig"] = {
        "Outputs": [
            {
                "OutputName": "out",
                "S3Output": {
                    "S3Uri": f"s3://{bucket}/manifest/out", "LocalPath": "/opt/ml/processing/out",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    }  # fmt: skip
    sagemaker.start_job("ProcessingJob", request)
    sagemaker.wait_for_job("ProcessingJob", request["ProcessingJobName"], delay=1, attempts=60)
    assert store.read(f"s3://{bucket}/manifest/out/seen") == repr(["AllTraffic/2026/03/01/14/a.jsonl"])


def test_a_copied_configuration_differs_in_its_capture_only_and_is_made_once(pocketaws, sagemaker):
    client = pocketaws.client("sagemaker")
    model, source = f"m-{uuid4().hex[:8]}", f"c-{uuid4().hex[:8]}"
    client.create_model(
        ModelName=model, ExecutionRoleArn=pocketaws.role, PrimaryContainer={"Image": pocketaws.python_image}
    )
    variant = {"ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    client.create_endpoint_config(
        EndpointConfigName=source,
        ProductionVariants=[
            {"VariantName": "A", "InitialVariantWeight": 3.0, "VolumeSizeInGB": 10, **variant},
            {"VariantName": "B", "InitialVariantWeight": 1.0, **variant},
        ],
        DataCaptureConfig={
            "EnableCapture": False, "InitialSamplingPercentage": 10, "DestinationS3Uri": "s3://loans/old",
            "CaptureOptions": [{"CaptureMode": "Input"}], "KmsKeyId": "alias/capture",
        },
        KmsKeyId="alias/disk",
        ExecutionRoleArn=pocketaws.role,
        Tags=[{"Key": "team", "Value": "credit"}],
    )  # fmt: skip
    name = sagemaker.copy_endpoint_config(source, stem="loans-capture", capture=CAPTURE)
    assert sagemaker.copy_endpoint_config(source, stem="loans-capture", capture=CAPTURE) == name
    assert len(name) <= 63

    before, after = (client.describe_endpoint_config(EndpointConfigName=each) for each in (source, name))
    own = {"EndpointConfigName", "EndpointConfigArn", "CreationTime", "DataCaptureConfig", "ResponseMetadata"}
    assert {key: value for key, value in after.items() if key not in own} == {
        key: value for key, value in before.items() if key not in own
    }
    assert client.list_tags(ResourceArn=after["EndpointConfigArn"])["Tags"] == [{"Key": "team", "Value": "credit"}]
    assert after["DataCaptureConfig"]["KmsKeyId"] == "alias/capture"
    assert sagemaker.endpoint_config(name).capture == CAPTURE
    assert [variant.model_name for variant in sagemaker.endpoint_config(name).variants] == [model, model]


def test_a_store_lists_what_it_was_given_page_by_page_and_reads_it_back(store, bucket):
    root = f"s3://{bucket}/store"
    texts = {f"{root}/variant {number % 2}/a?b+c=ü-{number:04}.jsonl": f"ü{number}" for number in range(30)}
    for uri, text in texts.items():
        store.write(uri, text)
    assert [found.uri for found in store.objects(f"{root}/")] == sorted(texts)
    assert {uri: store.read(uri) for uri in texts} == texts
    assert store.folders(root) == (f"{root}/variant 0/", f"{root}/variant 1/")
    found = next(iter(store.objects(min(texts))))
    assert found.modified_at.tzinfo is not None
    assert '"' not in found.etag
    assert json.dumps(found.etag)


def test_the_capture_trigger_fires_when_the_newest_object_is_old_enough(store, bucket):
    store.write(f"s3://{bucket}/capture/loans/AllTraffic/2026/03/01/14/a.jsonl", "a")
    started = time.monotonic()
    trigger = CaptureSettledTrigger(
        destination=f"s3://{bucket}/capture/loans", hours=["2026/03/01/14/"], settle_seconds=3, aws_conn_id=None,
        window_end=(datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    )  # fmt: skip
    assert events(trigger) == [{"status": "settled", "objects": 1}]
    assert 1 < time.monotonic() - started < 20
