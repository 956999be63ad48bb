"""Whole runs of the retrain DAG in a real Airflow, with AWS in memory: who is skipped, who follows, what is left."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from airflow.models.asset import AssetEvent
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.pipelines import retrain
from sagemaker_fakes import DECLARED, S3, SageMaker

pytestmark = pytest.mark.slow

HOUR = {"start": "2026-11-02T03:00:00Z", "end": "2026-11-02T04:00:00Z"}
FOLDER = "2026/11/02/03"


class Store(S3):
    """What jobs would have written is there when it is looked for."""

    def __init__(self, metrics):
        super().__init__()
        self.metrics = metrics

    def get_object(self, Bucket, Key):  # noqa: N803 - the API's own
        if Key.endswith("evaluation.json"):
            return self._answer({"rows": 100, "label": "approve", "metrics": self.metrics})
        if Key.endswith("dataset.json"):
            return self._answer({"labelled": 400})
        return super().get_object(Bucket, Key)

    def head_object(self, Bucket, Key):  # noqa: N803 - the API's own
        if not Key.endswith(("evaluation.json", "baseline.csv")):
            super().head_object(Bucket, Key)

    def _answer(self, content):
        self.put("s3://x/answer", json.dumps(content))
        return super().get_object("x", "answer")


@pytest.fixture(scope="module")
def database():
    initdb()


@pytest.fixture
def sagemaker(monkeypatch):
    fake = SageMaker()
    monkeypatch.setattr(SageMakerHook, "client", fake)
    monkeypatch.setattr(SageMakerHook, "wait_for_endpoint", lambda hook, name, **_: fake.settle(name))
    monkeypatch.setattr(SageMakerHook, "wait_for_job", lambda *_, **__: None)
    return fake


@pytest.fixture
def run(database, sagemaker, monkeypatch):
    """Run the DAG with a form; states by task, and the asset events it emitted."""

    def go(*, metrics, **form):
        store = Store(metrics)
        store.put(f"s3://endpointwatch/capture/loan-approval/AllTraffic/{FOLDER}/x.jsonl")
        store.put(f"s3://endpointwatch/ground-truth/loan-approval/{FOLDER}/x.jsonl")
        monkeypatch.setattr(StoreHook, "client", store)
        dag = retrain.build(Endpoint.model_validate(DECLARED))
        for task in dag.tasks:
            # The triggerer's own client is asynchronous; both ways of waiting end in the same method.
            task.deferrable = False
            task.retries = 0
        done = dag.test(run_conf=form)
        with create_session() as session:
            of_run = select(AssetEvent.extra).where(AssetEvent.source_run_id == done.run_id)
            events = list(session.scalars(of_run))
        return str(done.state), {ti.task_id: str(ti.state) for ti in done.get_task_instances()}, events

    return go


def test_a_first_version_skips_the_data_set_and_is_deployed(run, sagemaker):
    state, tasks, events = run(metrics={"challenger": {"auc": 0.8}})
    assert state == "success"
    assert {task for task, ended in tasks.items() if ended == "skipped"} == {
        "build_dataset",
        "keep_champion",
        "stop_jobs",
    }
    assert tasks["deploy"] == "success"
    assert [event["model_version"] for event in events] == ["loan-approval-v1"]


def test_a_challenger_that_wins_is_deployed_and_wakes_the_onboarding(run, sagemaker):
    sagemaker.serve("loan-approval", "old")
    metrics = {"champion": {"auc": 0.7}, "challenger": {"auc": 0.8}}
    state, tasks, events = run(metrics=metrics, windows=[HOUR], model_version="old", decision="s3://b/decision.json")
    assert state == "success"
    assert {task for task, ended in tasks.items() if ended == "skipped"} == {"keep_champion", "stop_jobs"}
    assert len(events) == 1
    assert list(sagemaker.packages.values())[-1]["CustomerMetadataProperties"]["decision"] == "s3://b/decision.json"


def test_a_challenger_that_loses_is_not_registered_and_the_run_is_green(run, sagemaker):
    sagemaker.serve("loan-approval", "old")
    metrics = {"champion": {"auc": 0.8}, "challenger": {"auc": 0.7}}
    state, tasks, events = run(metrics=metrics, windows=[HOUR])
    assert (state, tasks["keep_champion"], tasks["register"], tasks["deploy"]) == (
        "success", "success", "skipped", "skipped",
    )  # fmt: skip
    assert events == []
    assert sagemaker.count("CreateModelPackage") == 0


def test_a_run_that_stands_down_skips_everything_and_starts_no_job(run, sagemaker):
    sagemaker.serve("loan-approval", "new")
    state, tasks, events = run(metrics={}, windows=[HOUR], model_version="old")
    assert state == "success"
    assert set(tasks.values()) == {"skipped"}
    assert events == []
    assert sagemaker.jobs == {}


def test_a_training_that_fails_fails_the_run_and_leaves_the_champion_serving(run, sagemaker):
    before = sagemaker.serve("loan-approval", "old")
    sagemaker.job_ends = "Failed"
    state, tasks, events = run(metrics={}, windows=[HOUR])
    assert state == "failed"
    assert (tasks["build_dataset"], tasks["train"], tasks["deploy"]) == ("failed", "upstream_failed", "upstream_failed")
    assert events == []
    assert sagemaker.endpoints["loan-approval"]["EndpointConfigName"] == before
