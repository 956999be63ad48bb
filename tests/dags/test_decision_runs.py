"""Runs of what follows a window's verdicts in a real Airflow, with S3 in memory: which branch, and what is kept."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.models.dagrun import DagRun
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import ActionRecord
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.deployments import place
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.operators.decision import DecideOperator, JudgeOperator
from endpointwatch_airflow.operators.pause import PauseMonitoringOperator
from endpointwatch_airflow.pipelines.answer import answer
from endpointwatch_airflow.pipelines.common import aws_arguments
from endpointwatch_airflow.windows import END, START, window_params
from sagemaker_fakes import DECLARED, S3

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = Window.of(NOON, NOON + timedelta(hours=1))
NOW = NOON + timedelta(hours=2)


@pytest.fixture(scope="module")
def database():
    initdb()


@pytest.fixture
def s3(monkeypatch):
    fake = S3()
    monkeypatch.setattr(StoreHook, "client", fake)
    return fake


def run(s3, action, status):
    """The run's state, the states by task, and the records of the action."""
    rules = [{"name": "pausing", "action": "pause", "statuses": ["NO_BASELINE"]}, {"name": "drift", "action": action}]
    endpoint = Endpoint.model_validate({**DECLARED, "decision": {"rules": rules}})
    layout = Layout.of(endpoint)
    for days, version in enumerate(("v1", "v0"), start=1):
        served = Deployment(endpoint=endpoint.name, model_version=version, in_service_from=NOON - timedelta(days=days),
                            endpoint_config="c")  # fmt: skip
        s3.put(place(layout, served), served.to_json())
    verdict = Verdict(endpoint=endpoint.name, monitor="data_quality", window=WINDOW, status=status, model_version="v1")
    s3.put(layout.verdict("data_quality", WINDOW), verdict.to_json())
    aws = {**aws_arguments(endpoint), "retries": 0}
    # Airflow runs only what it has found in its folder, so the name is that of a DAG there.
    with DAG("loan-approval__monitor", schedule=None, start_date=NOON, params=window_params()) as dag:
        judge = JudgeOperator(task_id="judge", endpoint=endpoint, clock=lambda: NOW, **aws)
        decide = DecideOperator(task_id="decide", endpoint=endpoint, clock=lambda: NOW, **aws)
        judge >> [decide, EmptyOperator(task_id="healthy")]
        answer(endpoint, decide)
    done = dag.test(run_conf={START: WINDOW.start.isoformat(), END: WINDOW.end.isoformat()})
    states = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
    kept = [s3.text(uri) for uri in s3.objects if "/actions/2026/" in uri and f"-{action}-" in uri]
    return str(done.state), states, [ActionRecord.model_validate_json(text) for text in kept]


def test_a_healthy_window_decides_nothing_and_records_nothing(database, s3):
    state, tasks, records = run(s3, "pause", "OK")
    assert (state, records) == ("success", [])
    assert {task for task, ended in tasks.items() if ended == "success"} == {"judge", "healthy"}


def test_where_people_are_only_told_no_action_is_recorded(database, s3):
    state, tasks, records = run(s3, "notify", "VIOLATIONS")
    assert (state, [record.outcome for record in records]) == ("success", ["told"])
    assert {task for task, ended in tasks.items() if ended == "skipped"} == {"healthy", "nothing", "pause", "record"}


def test_an_action_is_taken_and_how_it_ended_is_on_record(database, s3):
    state, tasks, records = run(s3, "pause", "VIOLATIONS")
    assert (state, [record.outcome for record in records]) == ("success", ["done"])
    assert {task for task, ended in tasks.items() if ended == "success"} == {"judge", "decide", "pause", "record"}
    assert any(uri.endswith("/monitoring_pause.json") for uri in s3.objects)


def test_a_rollback_is_started_once_a_day_with_the_version_that_it_is_to_replace(database, s3):
    for _ in range(2):
        state, tasks, records = run(s3, "rollback", "VIOLATIONS")
        assert (state, len(records)) == ("success", 1)
    # The second run finds what the first has done, and does nothing.
    assert tasks["nothing"] == "success"
    with create_session() as session:
        started = list(session.scalars(select(DagRun).where(DagRun.dag_id == "loan-approval__rollback")))
    (asked,) = [one for one in started if one.run_id == "decision__v1__2026-11-21"]
    assert asked.conf["instead_of"] == "v1"
    assert asked.conf["reason"].startswith("1 of the last 1 windows of v1 had violations")


def test_an_action_that_fails_is_on_record_and_fails_the_run(database, s3, monkeypatch):
    def failing(*_):
        raise RuntimeError("no bucket")

    monkeypatch.setattr(PauseMonitoringOperator, "execute", failing)
    state, tasks, records = run(s3, "pause", "VIOLATIONS")
    assert (state, [record.outcome for record in records]) == ("failed", ["failed"])
    assert (tasks["pause"], tasks["record"]) == ("failed", "failed")
