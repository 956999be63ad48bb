"""Deployments on record, and baselines learnt once for each."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_fakes import NOW, FakeSageMaker, FakeStore, at_the_border, context, endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.jobs.plan import PLAN, BaselinePlan
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.errors import EndpointError, MissingResultError, NotRetriedError
from endpointwatch_airflow.hooks.answers import ModelVersion
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.deployment_record import RecordDeploymentOperator

ROOT = "s3://bucket/results/loans"
DATA = "s3://bucket/artifacts/train.csv"


def record(sagemaker: FakeSageMaker, store: FakeStore, since: str = "") -> str:
    task = RecordDeploymentOperator(task_id="record", endpoint=endpoint(), in_service_from=since, aws_conn_id=None)
    at_the_border(task, sagemaker, store)
    return task.execute(context(task))


def test_a_deployment_is_recorded_with_what_its_model_package_says():
    sagemaker, store = FakeSageMaker(model=ModelVersion("v1", "arn:p", {"baseline_dataset_uri": DATA})), FakeStore()
    uri = record(sagemaker, store, "2026-03-01T12:00:00.5+00:00")
    assert uri == f"{ROOT}/deployments/20260301T120000Z-v1.json"
    (deployment,) = recorded(store, Layout(ROOT))  # type: ignore[arg-type]
    assert deployment.in_service_from == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (deployment.model_package_arn, deployment.baseline_dataset_uri) == ("arn:p", DATA)


def test_without_a_time_the_endpoints_last_change_is_taken():
    assert record(FakeSageMaker(), FakeStore()) == f"{ROOT}/deployments/{NOW:%Y%m%dT%H%M%SZ}-loans-v1.json"


def test_the_same_live_deployment_is_recorded_once_whatever_changed_about_the_endpoint():
    sagemaker, store = FakeSageMaker(), FakeStore()
    uri = record(sagemaker, store)
    before = dict(store.files)
    sagemaker.live = replace(sagemaker.live, config_name="other", modified_at=datetime(2026, 4, 1, tzinfo=UTC))
    assert record(sagemaker, store) == uri
    assert store.files == before


def test_going_back_to_an_older_version_is_a_deployment_of_its_own():
    sagemaker, store = FakeSageMaker(), FakeStore()
    for day, version in ((1, "v1"), (2, "v2"), (3, "v1")):
        sagemaker.model = ModelVersion(version, None)
        record(sagemaker, store, f"2026-03-{day:02}T00:00:00Z")
    assert [deployment.model_version for deployment in recorded(store, Layout(ROOT))] == ["v1", "v2", "v1"]  # type: ignore[arg-type]


def test_an_endpoint_out_of_service_is_not_recorded():
    with pytest.raises(EndpointError, match="not there"):
        record(FakeSageMaker(live=None), FakeStore())


def deployed(dataset: str | None = DATA) -> tuple[str, FakeStore]:
    store = FakeStore()
    properties = {"baseline_dataset_uri": dataset} if dataset else {}
    return record(FakeSageMaker(model=ModelVersion("v1", None, properties)), store), store


def learn(sagemaker: FakeSageMaker, store: FakeStore, uri: str, *, force: bool = False, **changes: Any) -> Any:
    task = LearnBaselineOperator(
        task_id="learn", endpoint=endpoint(**changes), deployment_uri=uri, aws_conn_id=None, retries=2
    )
    at_the_border(task, sagemaker, store)

    def analyze(name: str) -> None:
        plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{name}/plan.json"])
        assert isinstance(plan, BaselinePlan)
        text = json.dumps({"id": "b", "dataset_uri": plan.dataset_uri})
        store.write(f"{ROOT}/baselines/{plan.model_version}/data_quality/baseline.json", text)

    sagemaker.on_wait = analyze
    return task.execute(context(task, params={"force": force}))


def test_one_job_learns_from_the_package_s_data_set_for_the_deployed_version():
    uri, store = deployed()
    sagemaker = FakeSageMaker()
    result = learn(sagemaker, store, uri)
    (request,) = sagemaker.started
    assert result["job"] == request["ProcessingJobName"]
    assert result["model_version"] == "v1"
    mounts = {mount["InputName"]: mount["S3Input"] for mount in request["ProcessingInputs"]}
    assert mounts["dataset"]["S3Uri"] == DATA
    (output,) = request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == f"{ROOT}/baselines/v1"


def test_the_yaml_s_data_set_goes_before_the_package_s():
    uri, store = deployed()
    assert learn(FakeSageMaker(), store, uri, baseline_dataset_uri="s3://bucket/own.csv")["dataset_uri"] == (
        "s3://bucket/own.csv"
    )


def test_learnt_baselines_are_kept_unless_forced_or_of_another_data_set():
    uri, store = deployed()
    sagemaker = FakeSageMaker()
    learn(sagemaker, store, uri)
    assert learn(sagemaker, store, uri)["job"] is None
    assert len(sagemaker.started) == 1
    learn(sagemaker, store, uri, baseline_dataset_uri="s3://bucket/own.csv")
    assert len(sagemaker.started) == 2
    sagemaker.jobs.clear()
    learn(sagemaker, store, uri, force=True)
    assert len(sagemaker.started) == 3


def test_without_any_data_set_the_task_fails_at_once_and_says_where_to_name_one():
    uri, store = deployed(None)
    with pytest.raises(NotRetriedError, match=r"baseline_dataset_uri.*CustomerMetadataProperties"):
        learn(FakeSageMaker(), store, uri)


def test_a_job_that_leaves_no_baseline_is_an_error():
    uri, store = deployed()
    sagemaker = FakeSageMaker()
    task = LearnBaselineOperator(task_id="learn", endpoint=endpoint(), deployment_uri=uri, aws_conn_id=None)
    at_the_border(task, sagemaker, store)
    with pytest.raises(MissingResultError):
        task.execute(context(task))


QUALITY = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}


def test_held_out_rows_are_mounted_beside_the_data_set_where_a_monitor_needs_labels():
    held_out = "s3://bucket/held_out.csv"
    sagemaker, store = FakeSageMaker(), FakeStore()
    sagemaker.model = ModelVersion("v1", None, {"baseline_dataset_uri": DATA, "held_out_dataset_uri": held_out})
    uri = record(sagemaker, store)

    def started(**changes: Any) -> tuple[dict[str, str], BaselinePlan]:
        task = LearnBaselineOperator(
            task_id="learn", endpoint=endpoint(**changes), deployment_uri=uri, aws_conn_id=None, deferrable=True
        )
        with pytest.raises(TaskDeferred) as deferred:
            at_the_border(task, sagemaker, store).execute(context(task))
        plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{deferred.value.trigger.job_name}/plan.json"])
        assert isinstance(plan, BaselinePlan)
        inputs = sagemaker.started[-1]["ProcessingInputs"]
        return {mount["InputName"]: mount["S3Input"]["S3Uri"] for mount in inputs}, plan

    mounts, plan = started(monitors=[{"kind": "data_quality"}, QUALITY])
    assert (mounts["dataset"], mounts["held_out"]) == (DATA, held_out)
    assert plan.held_out_dataset_uri == held_out
    assert "held_out" not in started()[0]
    own = started(monitors=[QUALITY], held_out_dataset_uri="s3://bucket/own.csv")[0]
    assert own["held_out"] == "s3://bucket/own.csv"
