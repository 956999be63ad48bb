"""The monitor DAG's look at a new version's first windows, and what it starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_fakes import FakeStore, at_the_border, context, endpoint
from endpointwatch.config.deployment import Probation
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.deployments import place
from endpointwatch_airflow.operators.probation import ASKED, ProbationOperator

# The fake context's window is 14:00 to 15:00.
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store():
    made = FakeStore()
    deploy(made, "loans-v1", NOON - timedelta(days=9))
    deploy(made, "loans-v2", NOON)
    return made


def deploy(store, version, since, how="deploy") -> None:
    record = Deployment(endpoint="loans", model_version=version, in_service_from=since, endpoint_config="c", how=how)
    store.write(place(Layout.of(endpoint()), record), record.to_json())


def judge(store, hour, status, *, hours=1) -> None:
    window = Window.of(NOON + timedelta(hours=hour), NOON + timedelta(hours=hour + hours))
    verdict = Verdict(endpoint="loans", monitor="data_quality", window=window, status=status, model_version="loans-v2")
    store.write(Layout.of(endpoint()).verdict("data_quality", window), verdict.to_json())


def run(store, monkeypatch, **settings):
    operator = at_the_border(
        ProbationOperator(
            task_id="probation", endpoint=endpoint(), settings=Probation(**{"windows": 3, **settings}),
            failed="return_to_previous", otherwise="version_stays", aws_conn_id=None,
        ),
        store=store,
    )  # fmt: skip
    monkeypatch.setattr(operator, "do_branch", lambda _, task: task)
    about = context(operator)
    return operator.execute(about), about["ti"].pushed.get(ASKED)


def test_a_version_that_holds_stays(store, monkeypatch):
    for hour in (0, 1, 2):
        judge(store, hour, "OK")
    assert run(store, monkeypatch) == ("version_stays", None)


def test_a_version_that_fails_is_replaced_by_a_rollback_that_is_asked_for_once(store, monkeypatch):
    judge(store, 1, "VIOLATIONS")
    branch, asked = run(store, monkeypatch)
    assert branch == "return_to_previous"
    assert asked["run_id"] == "probation__loans-v2__20260301T120000Z"
    assert asked["conf"]["instead_of"] == "loans-v2"
    assert "1 of the first 1 windows of loans-v2" in asked["conf"]["reason"]
    judge(store, 2, "VIOLATIONS")
    assert run(store, monkeypatch)[1]["run_id"] == asked["run_id"]


@pytest.mark.parametrize(("hour", "hours"), [(3.5, 1), (4, 24), (12, 24), (3.25, 0.25)])
def test_a_window_judged_by_hand_long_after_a_probation_that_was_passed_brings_nothing_back(
    store, monkeypatch, hour, hours
):
    for passed in (0, 1, 2):
        judge(store, passed, "OK")
    judge(store, hour, "VIOLATIONS", hours=hours)
    assert run(store, monkeypatch) == ("version_stays", None)


def test_a_first_window_of_another_length_counts(store, monkeypatch):
    judge(store, 0, "OK")
    judge(store, 1.25, "VIOLATIONS", hours=0.25)
    assert run(store, monkeypatch)[0] == "return_to_previous"


def test_windows_before_the_deployment_do_not_count(store, monkeypatch):
    judge(store, -1, "VIOLATIONS")
    judge(store, -0.5, "VIOLATIONS")
    assert run(store, monkeypatch) == ("version_stays", None)


def test_no_more_is_read_than_decides(store, monkeypatch):
    for hour in range(40):
        judge(store, hour, "OK")
    read = []
    plain = store.read
    monkeypatch.setattr(store, "read", lambda uri: read.append(uri) or plain(uri))
    assert run(store, monkeypatch) == ("version_stays", None)
    assert len([uri for uri in read if uri.endswith("verdict.json")]) == 3


def test_a_first_version_that_fails_stays_as_there_is_no_other(monkeypatch):
    store = FakeStore()
    deploy(store, "loans-v2", NOON)
    judge(store, 1, "VIOLATIONS")
    assert run(store, monkeypatch) == ("version_stays", None)


def test_where_the_file_says_so_a_failed_version_is_only_told_of(store, monkeypatch):
    judge(store, 1, "VIOLATIONS")
    assert run(store, monkeypatch, rollback=False) == ("version_stays", None)


def test_a_version_that_was_brought_back_is_left_alone(store, monkeypatch):
    deploy(store, "loans-v1", NOON + timedelta(minutes=30), how="rollback")
    judge(store, 1, "VIOLATIONS")
    assert run(store, monkeypatch) == ("version_stays", None)


def test_without_a_record_nothing_is_decided(monkeypatch):
    assert run(FakeStore(), monkeypatch) == ("version_stays", None)
