"""A task that fails for good in a real Airflow, with the callback that the pipelines give every task."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.db import initdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from airflow_fakes import endpoint
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.reports.message import Message
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.pipelines import monitor, retrain
from notification_servers import connect, http_server
from sagemaker_fakes import DECLARED, S3, SageMaker

DESK = {"channels": [{"name": "desk", "kind": "webhook", "conn_id": "desk"}]}


@pytest.mark.slow
def test_a_task_that_fails_for_good_is_told_once_and_those_that_wait_for_it_are_not(monkeypatch):
    initdb()
    sagemaker = SageMaker()
    sagemaker.job_ends = "Failed"
    monkeypatch.setattr(SageMakerHook, "client", sagemaker)
    monkeypatch.setattr(SageMakerHook, "wait_for_job", lambda *_, **__: None)
    monkeypatch.setattr(StoreHook, "client", S3())
    with http_server() as web:
        connect(monkeypatch, "desk", conn_type="http", host=f"http://127.0.0.1:{web.port}")
        dag = retrain.build(Endpoint.model_validate({**DECLARED, "notifications": DESK}))
        for task in dag.tasks:
            task.deferrable = False
            task.retries = 0
        assert str(dag.test(run_conf={}).state) == "failed"
    (posted,) = web.posted
    told = Message.model_validate_json(posted.body)
    assert told.title == "loan-approval: task train of loan-approval__retrain failed"
    assert "ended Failed" in told.happened[1]
    assert told.since is not None
    assert [link.title.split(" loan-approval-")[0] for link in told.links] == [
        "DAG run", "Log of train", "SageMaker job", "Job log",
    ]  # fmt: skip


def test_every_task_has_the_callback_where_channels_are_declared_and_none_has_it_elsewhere():
    for notifications, told in ((DESK, True), ({**DESK, "task_failures": "Disabled"}, False), ({}, False)):
        dag = monitor.build(endpoint(notifications=notifications))
        assert {bool(one.on_failure_callback) for one in dag.tasks} == {told}


def test_a_dag_with_the_callback_is_serialised_the_same_way_twice_and_without_what_it_sends():
    first, second = (DagSerialization.to_dict(monitor.build(endpoint(notifications=DESK))) for _ in range(2))
    assert first == second
    assert "0x" not in json.dumps(first)
