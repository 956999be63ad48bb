"""A window's job on SageMaker's PySpark container: what it is told, and the code that goes with it."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from airflow_fakes import ROOT, FakeSageMaker, FakeStore, at_the_border, context, deployment, endpoint
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator
from endpointwatch_airflow.operators.spark import archive

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-spark:0.1.0"
ANALYZER = "123456789012.dkr.ecr.us-east-1.amazonaws.com/analyzer:1"
CODE = "/opt/ml/processing/input/code"


def on_spark(**spark: Any) -> Endpoint:
    return endpoint(
        job={"image_uri": ANALYZER, "runs_on": "spark", "spark": {"image_uri": IMAGE, **spark}},
        baseline_dataset_uri="s3://bucket/train.csv",
    )


class CodeStore(FakeStore):
    def __init__(self, files: dict[str, str]) -> None:
        super().__init__(files)
        self.code: dict[str, bytes] = {}

    def put(self, uri: str, content: bytes) -> None:
        self.code[uri] = content


class EnoughError(Exception):
    """The job is created, and that is all that is looked at."""


def created(task: Any, store: FakeStore) -> dict[str, Any]:
    sagemaker = FakeSageMaker()

    def refuse(name: str) -> None:
        raise EnoughError

    sagemaker.on_wait = refuse
    at_the_border(task, sagemaker, store)
    with pytest.raises(EnoughError):
        task.execute(context(task))
    (request,) = sagemaker.started
    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model("CreateProcessingJob")
    report = ParamValidator().validate(request, shape.input_shape)
    assert not report.has_errors(), report.generate_report()
    return request


def test_a_window_is_judged_by_a_cluster_that_has_all_captures_and_the_engine_that_planned_it():
    store = CodeStore({**deployment("v1", 3), "s3://bucket/capture/loans/AllTraffic/2026/03/01/14/00-01.jsonl": "a"})
    task = RunMonitorsOperator(task_id="t", endpoint=on_spark(instance_count=3), aws_conn_id=None, deferrable=False)
    request = created(task, store)
    name = request["ProcessingJobName"]
    assert request["AppSpecification"]["ImageUri"] == IMAGE
    command = request["AppSpecification"]["ContainerEntrypoint"]
    assert command == ["smspark-submit", "--py-files", f"{CODE}/endpointwatch.zip", f"{CODE}/entry.py"]
    assert request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3
    inputs = {mount["InputName"]: mount["S3Input"] for mount in request["ProcessingInputs"]}
    assert set(inputs) == {"plan", "capture", "code"}
    assert {mount["S3DataDistributionType"] for mount in inputs.values()} == {"FullyReplicated"}
    assert inputs["code"] == {**inputs["code"], "S3Uri": f"{ROOT}/jobs/{name}/code/", "LocalPath": CODE}
    assert set(store.code) == {f"{ROOT}/jobs/{name}/code/{file}" for file in ("endpointwatch.zip", "entry.py")}


def test_other_jobs_of_the_endpoint_stay_on_one_machine():
    record = deployment("v1", 3)
    task = LearnBaselineOperator(
        task_id="t", endpoint=on_spark(), deployment_uri=next(iter(record)), aws_conn_id=None, deferrable=False
    )
    request = created(task, CodeStore(record))
    assert request["AppSpecification"] == {"ImageUri": ANALYZER}
    assert request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 1


def test_the_archive_is_the_whole_engine_in_the_same_bytes_each_time(tmp_path):
    assert archive() == archive()
    with zipfile.ZipFile(io.BytesIO(archive())) as code:
        assert {info.date_time for info in code.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not [name for name in code.namelist() if not name.startswith("endpointwatch/")]
    path = tmp_path / "endpointwatch.zip"
    path.write_bytes(archive())
    program = "import endpointwatch.jobs.spark as spark, sys; print(spark.__file__, 'pyspark' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(path)}, cwd=tmp_path, capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    assert ended.stdout.strip() == f"{path}/{Path('endpointwatch/jobs/spark.py')} False"


def test_spark_without_an_image_is_refused_with_what_is_missing():
    with pytest.raises(ValueError, match="there is no `spark` section; add one with its image_uri"):
        endpoint(job={"image_uri": ANALYZER, "runs_on": "spark"})
