"""A window's job: what it is told, and what is written without one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_fakes import NOW, ROOT, FakeSageMaker, FakeStore, at_the_border, context, deployment, endpoint
from endpointwatch.config.window import Window
from endpointwatch.jobs.plan import PLAN, MonitorPlan
from endpointwatch.reports.verdict import Rows, Verdict
from endpointwatch_airflow.errors import JobError, MissingResultError
from endpointwatch_airflow.hooks.answers import LiveEndpoint
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator

WINDOW = Window.of(datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
VERDICT = f"{ROOT}/data_quality/2026/03/01/14/verdict.json"
CAPTURES = {
    "s3://bucket/capture/loans/AllTraffic/2026/03/01/14/00-01.jsonl": "a",
    "s3://bucket/capture/loans/AllTraffic/2026/03/01/14/59-01.jsonl": "b",
}


def baseline(version: str) -> dict[str, str]:
    text = json.dumps({"id": f"id of {version}", "dataset_uri": "s3://bucket/data.csv"})
    return {f"{ROOT}/baselines/{version}/data_quality/baseline.json": text}


KNOWN = {**CAPTURES, **deployment("v1", 3), **deployment("v2", 14), **deployment("v3", 15), **baseline("v2")}


def operator(sagemaker: FakeSageMaker, store: FakeStore, **arguments: Any) -> Any:
    task = RunMonitorsOperator(task_id="run_monitors", endpoint=endpoint(), retries=2, aws_conn_id=None, **arguments)
    return at_the_border(task, sagemaker, store)


def analyzer(sagemaker: FakeSageMaker, store: FakeStore) -> None:
    """Let every job leave what the real one does, as far as the operator looks at it."""

    def judge(name: str) -> None:
        plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{name}/plan.json"])
        assert isinstance(plan, MonitorPlan)
        verdict = Verdict(
            endpoint="loans", monitor="data_quality", window=plan.window, status="OK", model_version=plan.model_version,
            rows=Rows(read=2, analysed=2), input_manifest=plan.input_manifest,
        )  # fmt: skip
        store.write(VERDICT, verdict.to_json())

    sagemaker.on_wait = judge


def test_the_job_is_told_the_window_its_objects_and_the_baseline_of_the_version_that_served():
    sagemaker, store = FakeSageMaker(), FakeStore(KNOWN)
    analyzer(sagemaker, store)
    task = operator(sagemaker, store)
    result = task.execute(context(task))
    (request,) = sagemaker.started
    name = request["ProcessingJobName"]
    assert result == {"window": str(WINDOW), "job": name, "statuses": {"data_quality": "OK"}}

    plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{name}/plan.json"])
    assert (plan.window, plan.model_version, plan.baseline_id) == (WINDOW, "v2", "id of v2")
    mounts = {mount["InputName"]: mount["S3Input"] for mount in request["ProcessingInputs"]}
    assert mounts["plan"]["S3Uri"] == f"{ROOT}/jobs/{name}/plan.json"
    assert mounts["baseline"]["S3Uri"] == f"{ROOT}/baselines/v2/"
    assert mounts["capture"]["S3DataType"] == "ManifestFile"
    prefix, *names = json.loads(store.files[mounts["capture"]["S3Uri"]])
    assert [prefix["prefix"] + one for one in names] == sorted(CAPTURES)
    (output,) = request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == ROOT
    assert request["Environment"] == {"job_plan": "/opt/ml/processing/input/plan/plan.json"}


@pytest.mark.parametrize(("emit", "sent"), [("Enabled", {"EndpointWatch": ["violations"]}), ("Disabled", {})])
def test_the_verdict_is_sent_to_cloudwatch_unless_the_monitor_keeps_its_metrics_back(emit, sent):
    sagemaker, store = FakeSageMaker(), FakeStore(KNOWN)
    analyzer(sagemaker, store)
    about = endpoint(monitors=[{"kind": "data_quality", "emit_metrics": emit}])
    task = at_the_border(
        RunMonitorsOperator(task_id="run_monitors", endpoint=about, aws_conn_id=None), sagemaker, store
    )
    task.execute(context(task))
    found = {name: [item["MetricName"] for item in items] for name, items in task.metrics.put.items()}
    assert found == sent


def test_a_deployment_without_a_baseline_is_run_without_one():
    sagemaker, store = FakeSageMaker(), FakeStore({**CAPTURES, **deployment("v1", 3)})
    analyzer(sagemaker, store)
    task = operator(sagemaker, store)
    task.execute(context(task))
    assert {mount["InputName"] for mount in sagemaker.started[0]["ProcessingInputs"]} == {"plan", "capture"}


@pytest.mark.parametrize(
    ("live", "status"),
    [
        pytest.param(LiveEndpoint("loans", "InService", "c", NOW, NOW, capturing=True), "NO_DATA", id="capturing"),
        pytest.param(LiveEndpoint("loans", "InService", "c", NOW, NOW, capturing=False), "CAPTURE_OFF", id="not"),
        pytest.param(None, "CAPTURE_OFF", id="no endpoint"),
    ],
)
def test_a_window_without_objects_is_answered_without_a_job_and_the_task_succeeds(live, status):
    sagemaker, store = FakeSageMaker(live=live), FakeStore(deployment("v1", 3))
    task = operator(sagemaker, store)
    assert task.execute(context(task))["statuses"] == {"data_quality": status}
    verdict = Verdict.model_validate_json(store.files[VERDICT])
    assert (verdict.status, verdict.model_version, verdict.rows.read) == (status, "v1", 0)
    assert verdict.evidence
    assert verdict.remedy
    assert sagemaker.started == []


def test_a_window_answered_twice_leaves_the_same_bytes():
    texts = set()
    for run_id in ("scheduled__14", "backfill__14"):
        store = FakeStore(deployment("v1", 3))
        task = operator(FakeSageMaker(), store)
        task.execute(context(task, run_id=run_id))
        texts.add(store.files[VERDICT])
    assert len(texts) == 1


def test_captures_of_an_endpoint_without_any_recorded_deployment_have_no_baseline():
    sagemaker, store = FakeSageMaker(), FakeStore(CAPTURES)
    task = operator(sagemaker, store)
    assert task.execute(context(task))["statuses"] == {"data_quality": "NO_BASELINE"}
    assert sagemaker.started == []


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda store: None, id="nothing"),
        pytest.param(lambda store: store.write(VERDICT, "{}"), id="no verdict"),
        pytest.param(
            lambda store: store.write(
                VERDICT,
                Verdict(
                    endpoint="loans", monitor="data_quality", window=WINDOW, status="OK", input_manifest="older"
                ).to_json(),
            ),
            id="the verdict of an earlier job",
        ),
    ],
)
def test_a_completed_job_that_left_no_verdict_of_its_own_is_an_error(leave):
    sagemaker, store = FakeSageMaker(), FakeStore(KNOWN)
    sagemaker.on_wait = lambda name: leave(store)
    task = operator(sagemaker, store)
    with pytest.raises(MissingResultError):
        task.execute(context(task))


@pytest.mark.parametrize(
    ("try_number", "status", "written"),
    [
        pytest.param(1, "Failed", False, id="a retry follows"),
        pytest.param(2, "Failed", False, id="another retry follows"),
        pytest.param(3, "Failed", True, id="the last try"),
        pytest.param(3, "Stopped", False, id="stopped by somebody"),
    ],
)
def test_job_failed_is_the_verdict_only_when_no_retry_follows(try_number, status, written):
    sagemaker, store = FakeSageMaker(ends=status), FakeStore(KNOWN)
    task = operator(sagemaker, store)
    with pytest.raises(JobError):
        task.execute(context(task, try_number=try_number))
    assert (VERDICT in store.files) == written
    if written:
        assert Verdict.model_validate_json(store.files[VERDICT]).status == "JOB_FAILED"


def test_a_failure_never_replaces_an_earlier_answer():
    sagemaker, store = FakeSageMaker(ends="Failed"), FakeStore({**KNOWN, VERDICT: "an answer"})
    task = operator(sagemaker, store)
    with pytest.raises(JobError):
        task.execute(context(task, try_number=3))
    assert store.files[VERDICT] == "an answer"


def test_a_deferred_task_goes_on_in_another_process_with_the_job_it_started():
    sagemaker, store = FakeSageMaker(), FakeStore(KNOWN)
    analyzer(sagemaker, store)
    first = operator(sagemaker, store, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        first.execute(context(first))
    name = deferred.value.trigger.job_name
    sagemaker.wait_for_job("ProcessingJob", name, delay=1, attempts=1)
    second = operator(sagemaker, store)
    result = second.execute_complete(context(second), event={"status": "success", "job_name": name})
    assert result["job"] == name
    assert len(sagemaker.started) == 1


def test_two_windows_of_one_run_id_never_share_a_job():
    sagemaker, store = FakeSageMaker(), FakeStore({**KNOWN, **{uri.replace("/14/", "/13/"): "c" for uri in CAPTURES}})
    names = set()
    for params in (
        {},
        {"window_start": "2026-03-01T13:00:00Z", "window_end": "2026-03-01T14:00:00Z"},
        {"window_start": "2026-03-01T13:00:00Z", "window_end": "2026-03-01T15:00:00Z"},
    ):
        task = operator(sagemaker, store, deferrable=True)
        with pytest.raises(TaskDeferred) as deferred:
            task.execute(context(task, params=params))
        names.add(deferred.value.trigger.job_name)
    assert len(names) == 3
