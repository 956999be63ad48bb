"""Attribution in real jobs: the artefact that an endpoint serves is mounted, or the endpoint itself is asked."""

from __future__ import annotations

import io
import json
import random
import tarfile
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from airflow_fakes import context, endpoint
from containers.sklearn_example.table import Table
from containers.sklearn_example.training import fit
from endpointwatch.config.window import HOUR, Window
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator

pytestmark = pytest.mark.pocketaws
SERVING = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-sklearn:0.1.0"
ANALYZER = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"
FEATURES = ("income", "debt", "age")
ROWS = 40


def applicants(count: int, seed: int) -> list[tuple[int, float, float, float]]:
    chance = random.Random(seed)
    rows = [tuple(round(chance.gauss(0, 1), 4) for _ in FEATURES) for _ in range(count)]
    return [(int(a > 0.5 * b + chance.gauss(0, 0.5)), a, b, c) for a, b, c in rows]


@pytest.fixture(scope="module")
def artefact(tmp_path_factory) -> tuple[bytes, str]:
    """A model as the example image writes it, and the data set to learn its baseline from."""
    folder = tmp_path_factory.mktemp("model")
    data = np.array(applicants(300, 1))
    model, _ = fit(Table(("approve", *FEATURES), data), "approve", "logistic_regression")
    model.save(folder)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    scores = model.scores(data[:, 1:])
    lines = [",".join(map(str, [score, *row[1:]])) for score, row in zip(scores, data, strict=True)]
    return out.getvalue(), "\n".join([",".join(["prediction", *FEATURES]), *lines]) + "\n"


@pytest.fixture
def serving(pocketaws, artefact, monkeypatch):
    """An endpoint that serves the model and captures: its name, which is also the bucket's."""
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)
    client, s3, name = pocketaws.client("sagemaker"), pocketaws.client("s3"), f"loans-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="models/model.tar.gz", Body=artefact[0])
    s3.put_object(Bucket=name, Key="data/data.csv", Body=artefact[1])
    box = {"Image": SERVING, "ModelDataUrl": f"s3://{name}/models/model.tar.gz"}
    client.create_model(ModelName=name, ExecutionRoleArn=pocketaws.role, PrimaryContainer=box)
    variant = {
        "VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }  # fmt: skip
    capture = {
        "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": f"s3://{name}/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }  # fmt: skip
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], DataCaptureConfig=capture)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    yield name
    client.delete_endpoint(EndpointName=name)


class Watched:
    """The endpoint with one of the two sources of its model."""

    def __init__(self, aws: Any, name: str, source: str) -> None:
        self.s3, self.name, self.source = aws.client("s3"), name, source
        # A job's name follows from version and window: those of the two sources must not take each other's jobs.
        self.version = name if source == "artifact" else f"{name}-live"
        self.declared = endpoint(
            name=name,
            results_uri=f"s3://{name}/results-{source}",
            capture={"destination_uri": f"s3://{name}/capture", "settle_seconds": 0},
            job={"image_uri": ANALYZER},
            baseline_dataset_uri=f"s3://{name}/data/data.csv",
            monitors=[{"kind": "attribution", "model": {"source": source}, "sample_rows": 60}],
        )

    def learn(self) -> dict[str, Any]:
        record = Deployment(
            endpoint=self.name, model_version=self.version, in_service_from=datetime(2026, 1, 1, tzinfo=UTC),
            endpoint_config=self.name,
        )  # fmt: skip
        key = f"results-{self.source}/{self.name}/deployments/20260101T000000Z-{self.version}.json"
        self.s3.put_object(Bucket=self.name, Key=key, Body=record.to_json())
        task: Any = LearnBaselineOperator(
            task_id="learn", endpoint=self.declared, deployment_uri=f"s3://{self.name}/{key}", retries=0,
            aws_conn_id=None, waiter_delay=1,
        )  # fmt: skip
        task.execute(context(task))
        return self.read(f"baselines/{self.version}/attribution/analysis.json")

    def watch(self, window: Window) -> dict[str, Any]:
        task: Any = RunMonitorsOperator(
            task_id="watch", endpoint=self.declared, retries=0, aws_conn_id=None, waiter_delay=1
        )
        task.execute(context(task, data_interval_start=window.start, data_interval_end=window.end))
        return self.read(f"attribution/{window.path}/verdict.json")

    def read(self, path: str) -> Any:
        key = f"results-{self.source}/{self.name}/{path}"
        return json.loads(self.s3.get_object(Bucket=self.name, Key=key)["Body"].read())


def captured(aws: Any, bucket: str) -> list[dict[str, Any]]:
    s3 = aws.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="capture/").get("Contents", [])]
    return [
        json.loads(line) for key in keys for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()
    ]


def test_the_artefact_and_the_endpoint_say_the_same_and_own_traffic_is_not_watched(pocketaws, serving):
    runtime = pocketaws.client("sagemaker-runtime")
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for number, (_, *features) in enumerate(applicants(ROWS, 2)):
        runtime.invoke_endpoint(
            EndpointName=serving,
            ContentType="text/csv",
            InferenceId=f"user-{number}",
            Body=",".join(map(str, features)),
        )
    loaded, asked = Watched(pocketaws, serving, "artifact"), Watched(pocketaws, serving, "endpoint")
    told = [watched.learn()["explanations"]["kernel_shap"]["label0"] for watched in (loaded, asked)]
    # The endpoint rounds its scores to six decimals.
    assert told[0]["global_shap_values"] == pytest.approx(told[1]["global_shap_values"], abs=2e-6)
    assert told[0]["expected_value"] == pytest.approx(told[1]["expected_value"], abs=1e-6)

    end = time.monotonic() + 60
    while len([one for one in captured(pocketaws, serving) if own(one)]) < 2 and time.monotonic() < end:
        time.sleep(0.5)
    records = [one for one in captured(pocketaws, serving) if own(one)]
    assert records, "the job's own requests were captured under their mark"
    if datetime.now(UTC).replace(minute=0, second=0, microsecond=0) != start:
        pytest.skip("the hour ended during the test")
    for watched, before in ((loaded, 0), (asked, 1)):
        verdict = watched.watch(Window.of(start - before * HOUR, start + HOUR))
        assert verdict["status"] in ("OK", "VIOLATIONS"), verdict["evidence"]
        assert verdict["rows"]["analysed"] == ROWS
        assert verdict["rows"]["skipped"] >= len(records)
        assert verdict["attribution"]["rows_explained"] == ROWS
        assert verdict["metrics"][0]["value"] > 0.9


def own(record: dict[str, Any]) -> bool:
    return str(record["eventMetadata"].get("inferenceId", "")).startswith("endpointwatch-attribution/")
