"""Whole runs of the retrain DAG in a real Airflow, with AWS in memory: who is skipped, who follows, what is left."""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.models.asset import AssetEvent
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import handle_event_submit
from airflow.triggers.base import TriggerEvent
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
        if Key.endswith("scores.csv"):
            self.put("s3://x/answer", self.scores())
            return super().get_object("x", "answer")
        return super().get_object(Bucket, Key)

    def head_object(self, Bucket, Key):  # noqa: N803 - the API's own
        if not Key.endswith(("evaluation.json", "baseline.csv", "scores.csv")):
            super().head_object(Bucket, Key)

    def scores(self):
        """Forty rows; the model with the better figure is right about all of them, the other one guesses."""
        rows = ["set,label," + ",".join(self.metrics)]
        best = max(self.metrics, key=lambda model: self.metrics[model]["auc"], default="")
        for number in range(40):
            told = (number % 2 if model == best else number // 2 % 2 for model in self.metrics)
            rows.append(f"data,{number % 2},{','.join(str(0.1 + 0.8 * score) for score in told)}")
        return "\n".join(rows) + "\n"

    def records(self):
        folder = "s3://endpointwatch/results/loan-approval/retrainings/"
        return [json.loads(text) for uri, text in self.objects.items() if uri.startswith(folder)]

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

    def go(*, metrics, approval=None, **form):
        store = Store(metrics)
        store.put(f"s3://endpointwatch/capture/loan-approval/AllTraffic/{FOLDER}/x.jsonl")
        store.put(f"s3://endpointwatch/ground-truth/loan-approval/{FOLDER}/x.jsonl")
        monkeypatch.setattr(StoreHook, "client", store)
        declared = {**DECLARED, "training": {**DECLARED["training"], "promotion": {}}}
        dag = retrain.build(Endpoint.model_validate(declared | ({"approval": approval} if approval else {})))
        for task in dag.tasks:
            # The triggerer's own client is asynchronous; both ways of waiting end in the same method.
            task.deferrable = False
            task.retries = 0
        done = dag.test(run_conf=form)
        with create_session() as session:
            of_run = select(AssetEvent.extra).where(AssetEvent.source_run_id == done.run_id)
            events = list(session.scalars(of_run))
        (sagemaker.record,) = store.records() or [None]
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
    assert (sagemaker.record["outcome"], sagemaker.record["champion"]) == ("deployed", None)


def test_a_challenger_that_wins_is_deployed_and_wakes_the_onboarding(run, sagemaker):
    sagemaker.serve("loan-approval", "old")
    metrics = {"champion": {"auc": 0.7}, "challenger": {"auc": 0.8}}
    state, tasks, events = run(metrics=metrics, windows=[HOUR], model_version="old", decision="s3://b/decision.json")
    assert state == "success"
    assert {task for task, ended in tasks.items() if ended == "skipped"} == {"keep_champion", "stop_jobs"}
    assert len(events) == 1
    record = sagemaker.record
    assert (record["outcome"], record["champion"], record["challenger"]) == ("deployed", "old", "loan-approval-v1")
    assert record["decision"] == "s3://b/decision.json"
    assert "95% sure between" in record["reason"]
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
    assert sagemaker.record["outcome"] == "champion_kept"
    assert "not more than the 0 asked for" in sagemaker.record["reason"]


def test_a_run_that_stands_down_skips_everything_and_starts_no_job(run, sagemaker):
    sagemaker.serve("loan-approval", "new")
    state, tasks, events = run(metrics={}, windows=[HOUR], model_version="old")
    assert state == "success"
    assert {task for task, ended in tasks.items() if ended != "skipped"} == {"record"}
    assert sagemaker.record["outcome"] == "stood_down"
    assert "'new' serves" in sagemaker.record["reason"]
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
    assert (sagemaker.record["outcome"], sagemaker.record["failed_tasks"]) == ("failed", ["build_dataset"])
    assert "ended Failed" in sagemaker.record["reason"]


def test_a_deployment_that_is_rolled_back_is_recorded_with_the_reason(run, sagemaker):
    before = sagemaker.serve("loan-approval", "old")
    sagemaker.update_ends = "rolled back"
    state, tasks, events = run(metrics=WON, windows=[HOUR])
    assert (state, tasks["deploy"], events) == ("failed", "failed", [])
    assert sagemaker.endpoints["loan-approval"]["EndpointConfigName"] == before
    assert (sagemaker.record["outcome"], sagemaker.record["failed_tasks"]) == ("failed", ["deploy"])
    assert "The ping of the new variant failed." in sagemaker.record["reason"]
    assert "goes on serving, the champion stays" in sagemaker.record["reason"]


WON = {"champion": {"auc": 0.7}, "challenger": {"auc": 0.8}}
ADA = {"id": "ada", "name": "ada"}


def answer(found, *, chosen=None, comment="-"):
    """As the REST API does when somebody answers; with nothing chosen, as the scheduler when time is up."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        with create_session() as session:
            parked = select(HITLDetail).join(TaskInstance, TaskInstance.id == HITLDetail.ti_id)
            detail = session.scalars(parked.where(TaskInstance.state == "awaiting_input")).one_or_none()
            if detail is not None:
                found.update(
                    options=detail.options, defaults=detail.defaults, subject=detail.subject, body=detail.body,
                    params=list(detail.params), assignees=detail.assignees,
                )  # fmt: skip
                detail.responded_by = ADA if chosen else None
                detail.responded_at = datetime.now(UTC)
                detail.chosen_options = [chosen] if chosen else detail.defaults
                detail.params_input = {"comment": comment}
                event = TriggerEvent(detail.as_resume_event_payload(timedout=chosen is None))
                handle_event_submit(event, task_instance=session.get(TaskInstance, detail.ti_id), session=session)
                return
        time.sleep(1)


@pytest.fixture
def ask(run, sagemaker):
    """A run whose challenger has won and that asks a person; and what that person saw."""

    def go(*, approval=None, **answered):
        sagemaker.serve("loan-approval", "old")
        found = {}
        person = threading.Thread(target=answer, args=(found,), kwargs=answered)
        person.start()
        asked = {"by": "person", "approvers": ["ada"], **(approval or {})}
        state, tasks, events = run(metrics=WON, windows=[HOUR], approval=asked)
        person.join(5)
        (package,) = (told for arn, told in sagemaker.packages.items() if ":model-package/loan-approval/" in arn)
        return found, state, tasks, events, package

    return go


def test_what_a_person_approves_is_deployed_and_the_registry_says_who_and_why(ask, sagemaker):
    found, state, tasks, events, package = ask(chosen="Approve", comment="looked at the refusals")
    assert (found["options"], found["defaults"], found["params"]) == (["Approve", "Reject"], ["Reject"], ["comment"])
    assert found["subject"] == "May loan-approval-v1 be deployed on loan-approval?"
    assert "| auc, 40 recent rows | 0.5000 | 1.0000 |" in found["body"]
    assert "comparison.json" in found["body"]
    assert [user["id"] for user in found["assignees"]] == ["ada"]
    assert (state, tasks["deploy"], len(events)) == ("success", "success", 1)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"].startswith("Approved by ada: looked at the refusals. auc 0.8000")
    assert sagemaker.record["outcome"] == "deployed"
    assert sagemaker.record["approval"]["by"] == "ada"


def test_what_a_person_rejects_leaves_everything_as_it_was(ask, sagemaker):
    _, state, tasks, events, package = ask(chosen="Reject", comment="not in this quarter")
    assert (state, tasks["deploy"], events) == ("success", "skipped", [])
    assert package["ModelApprovalStatus"] == "Rejected"
    assert "Rejected by ada: not in this quarter" in package["ApprovalDescription"]
    assert sagemaker.count("UpdateEndpoint") == sagemaker.count("CreateModel") == 0
    assert (sagemaker.record["outcome"], sagemaker.record["reason"]) == (
        "rejected", "Rejected by ada: not in this quarter.",
    )  # fmt: skip


def test_an_approval_that_expires_is_rejected(ask, sagemaker):
    _, _, tasks, _, package = ask()
    assert tasks["deploy"] == "skipped"
    assert package["ModelApprovalStatus"] == "Rejected"
    assert "nobody within 24 h" in package["ApprovalDescription"]
    assert sagemaker.record["outcome"] == "expired"


def test_an_approval_that_expires_is_given_where_the_yaml_says_so(ask, sagemaker):
    _, _, tasks, _, package = ask(approval={"on_expiry": "approve"})
    assert tasks["deploy"] == "success"
    assert "Approved by nobody within 24 h" in package["ApprovalDescription"]
    assert sagemaker.record["outcome"] == "deployed"
