"""One window, judged by a processing job and on the worker: real hooks, a real S3, a real job, the same bytes."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from airflow_fakes import context, endpoint
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.hooks.metrics import MetricsHook
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator

pytestmark = pytest.mark.pocketaws
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"
DEPLOYMENT = "results/loans/deployments/20260301T030000Z-v1.json"


def line(number: int) -> str:
    sides = {
        side: {"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": "CSV"}
        for side, mode, data in (
            ("endpointInput", "INPUT", f"{20 + number * 37 % 400},{10 + number * 13 % 101 / 7:.3f}"),
            ("endpointOutput", "OUTPUT", f"{number % 97 / 97:.4f}"),
        )
    }
    about = {"eventId": f"e{number}", "inferenceTime": f"2026-03-01T14:{number % 60:02}:00Z"}
    return json.dumps({"captureData": sides, "eventMetadata": about, "eventVersion": "0"}) + "\n"


def test_a_processing_job_and_the_worker_leave_the_same_bytes(pocketaws, monkeypatch):
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)
    s3, bucket = pocketaws.client("s3"), f"where-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)

    def put(key: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=content)

    hour = "capture/loans/AllTraffic/2026/03/01/14"
    put(f"{hour}/00-a b?c.jsonl", "".join(line(number) for number in range(150)).encode() + b"{broken\n")
    put(f"{hour}/30-d.jsonl.gz", gzip.compress("".join(line(number) for number in range(150, 400)).encode()))
    put("train/data.csv", b"prediction,amount,ratio\n" + b"".join(b"0.5,%d,%d.5\n" % (n, n % 9) for n in range(300)))
    record = Deployment(
        endpoint="loans", model_version="v1", in_service_from="2026-03-01T03:00:00Z", endpoint_config="c"
    )
    put(DEPLOYMENT, record.to_json().encode())

    def results() -> dict[str, bytes]:
        found = s3.list_objects_v2(Bucket=bucket, Prefix="results/loans/").get("Contents", ())
        keys = [item["Key"] for item in found if "/jobs/" not in item["Key"] and "/deployments/" not in item["Key"]]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def jobs() -> set[str]:
        found = (
            pocketaws.client("sagemaker").get_paginator("list_processing_jobs").paginate(NameContains="loans-monitor")
        )
        return {job["ProcessingJobName"] for page in found for job in page["ProcessingJobSummaries"]}

    known = jobs()
    left: dict[str, dict[str, bytes]] = {}
    for place in ("processing_job", "worker"):
        watched = endpoint(
            results_uri=f"s3://{bucket}/results", capture={"destination_uri": f"s3://{bucket}/capture"},
            job={"image_uri": IMAGE, "runs_on": place}, baseline_dataset_uri=f"s3://{bucket}/train",
        )  # fmt: skip
        common: dict[str, Any] = {"endpoint": watched, "aws_conn_id": None, "waiter_delay": 1, "deferrable": False}
        learn: Any = LearnBaselineOperator(task_id="learn", deployment_uri=f"s3://{bucket}/{DEPLOYMENT}", **common)
        learn.execute(context(learn))
        run: Any = RunMonitorsOperator(task_id="run", **common)
        assert run.execute(context(run))["statuses"] == {"data_quality": "VIOLATIONS"}
        left[place] = results()
        for key in left[place]:
            s3.delete_object(Bucket=bucket, Key=key)

    assert len(jobs() - known) == 1
    assert len(left["worker"]) == 4 + 5
    assert left["worker"] == left["processing_job"]
    verdict = json.loads(left["worker"]["results/loans/data_quality/2026/03/01/14/verdict.json"])
    assert verdict["rows"]["analysed"] == 400
    assert verdict["set_aside"][0]["file"] == "AllTraffic/2026/03/01/14/00-a b?c.jsonl"


def test_an_object_that_is_not_there_is_told_as_a_file_that_is_not_there(pocketaws, monkeypatch, tmp_path):
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)
    bucket = f"where-{uuid4().hex[:8]}"
    pocketaws.client("s3").create_bucket(Bucket=bucket)
    with pytest.raises(FileNotFoundError, match="nothing is not there"):
        StoreHook(aws_conn_id=None).download(f"s3://{bucket}/nothing", tmp_path / "a" / "nothing")


def test_metrics_of_the_worker_arrive_in_cloudwatch(pocketaws, monkeypatch):
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)
    endpoint_name = f"loans-{uuid4().hex[:8]}"
    # CloudWatch takes nothing that is older than two weeks.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    metric = {
        "MetricName": "feature_non_null_amount", "Timestamp": f"{hour:%Y-%m-%dT%H:%M:%SZ}", "Value": 0.75,
        "Dimensions": [{"Name": "Endpoint", "Value": endpoint_name}],
    }  # fmt: skip
    assert MetricsHook(aws_conn_id=None).publish("EndpointWatch", [json.dumps(metric)]) is None
    found = pocketaws.client("cloudwatch").get_metric_statistics(
        Namespace="EndpointWatch", MetricName="feature_non_null_amount", Period=3600, Statistics=["Average"],
        StartTime=hour, EndTime=hour + timedelta(hours=1), Dimensions=metric["Dimensions"],
    )  # fmt: skip
    assert [point["Average"] for point in found["Datapoints"]] == [0.75]
