"""What the task `notify` does with a decision: told once, by every channel that takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_fakes import ROOT, FakeStore, at_the_border, context, endpoint
from endpointwatch.config.window import Window
from endpointwatch.decisions import decide
from endpointwatch.monitors.findings import Distance, Violation
from endpointwatch.reports.message import Failure, Message, failure_message
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.chosen import CHOSEN
from endpointwatch_airflow.errors import MissingResultError, NotificationError
from endpointwatch_airflow.operators.notify import MessageOperator, NotifyOperator
from notification_servers import connect, http_server

WINDOW = Window.model_validate({"start": "2026-03-01T14:00:00Z", "end": "2026-03-01T15:00:00Z"})
DECISION = f"{ROOT}/decisions/2026/03/01/14/d.json"
VERDICT = Verdict(
    endpoint="loans", monitor="data_quality", window=WINDOW, status="VIOLATIONS", model_version="v1",
    distances=(Distance(feature_name="income", method="linf_simple", distance=0.5, threshold=0.1, exceeded=True),),
    violations=(Violation(feature_name="income", constraint_check_type="baseline_drift_check", description="drift"),),
)  # fmt: skip
RULE = {"violations": 1, "windows": 1, "action": "notify"}
WEBHOOKS = [{"name": name, "kind": "webhook", "conn_id": "desk", "path": name} for name in ("first", "second")]


@pytest.fixture
def web(monkeypatch):
    with http_server() as server:
        connect(monkeypatch, "desk", conn_type="http", host=f"http://127.0.0.1:{server.port}")
        yield server


def statistics(mean: float) -> str:
    return json.dumps({"features": [{"name": "income", "numerical_statistics": {"mean": mean}}]})


def stored() -> FakeStore:
    return FakeStore(
        {
            f"{ROOT}/data_quality/{WINDOW.path}/verdict.json": VERDICT.to_json(),
            f"{ROOT}/data_quality/{WINDOW.path}/statistics.json": statistics(41000),
            f"{ROOT}/baselines/v1/data_quality/statistics.json": statistics(3500),
            DECISION: decide([VERDICT], endpoint(decision=RULE).rules).to_json(),
        }
    )


def notify(store: FakeStore, channels: list[dict[str, Any]], chosen: Any = None) -> str:
    watched = endpoint(decision=RULE, notifications={"channels": channels})
    operator = at_the_border(NotifyOperator(task_id="notify", endpoint=watched, aws_conn_id=None), store=store)
    told = {CHOSEN: chosen or {"conf": {"decision": DECISION}}}
    return str(operator.execute(context(operator, pushed=told)))


def records(store: FakeStore) -> list[dict[str, Any]]:
    return [json.loads(text) for uri, text in store.files.items() if "/notifications/" in uri]


def test_without_channels_the_log_says_it_and_nothing_is_written():
    store = stored()
    before = dict(store.files)
    text = notify(store, [])
    assert "1 of the last 1 windows of v1 had violations" in text
    assert store.files == before


def test_the_message_has_the_features_means_and_the_links(web):
    notify(stored(), WEBHOOKS[:1])
    told = Message.model_validate_json(web.posted[0].body)
    assert [str(figure) for figure in told.figures] == ["income: mean 41,000, baseline 3500, distance 0.5, limit 0.1"]
    links = {link.title: link.uri for link in told.links}
    assert links["DAG run"] == "http://localhost:8080/dags/loans__monitor/runs/scheduled__14"
    assert links["Report of data_quality"].startswith(
        "https://console.aws.amazon.com/s3/buckets/bucket?region=us-east-1"
    )
    assert links["Decision"] == DECISION


def test_a_retry_sends_only_to_the_channel_that_failed(web):
    store = stored()
    web.answers = [500, 200]
    with pytest.raises(NotificationError, match=r"1 of 2 channels.*first"):
        notify(store, WEBHOOKS)
    assert records(store)[0]["delivered"] == ["second"]
    notify(store, WEBHOOKS)
    assert [posted.path for posted in web.posted] == ["/first", "/second", "/first"]
    assert records(store)[0]["delivered"] == ["first", "second"]


def test_the_same_decision_in_another_run_is_not_told_again(web):
    store = stored()
    for _ in range(3):
        notify(store, WEBHOOKS)
    assert len(web.posted) == 2
    assert len(records(store)) == 1


def test_drift_against_earlier_windows_is_not_told_beside_the_learnt_baseline(web):
    store = stored()
    rolling = {"kind": "rolling", "held_against": "earlier_windows", "windows": [], "rows": 9}
    verdict = Verdict.model_validate({**VERDICT.model_dump(mode="json"), "reference": rolling})
    store.files[f"{ROOT}/data_quality/{WINDOW.path}/verdict.json"] = verdict.to_json()
    notify(store, WEBHOOKS[:1])
    (figure,) = Message.model_validate_json(web.posted[0].body).figures
    assert (figure.current, figure.baseline) == (41000, None)


def test_a_decision_that_is_not_there_is_an_error_that_names_it():
    store = stored()
    del store.files[DECISION]
    with pytest.raises(MissingResultError, match=DECISION):
        notify(store, [])


class Both(MessageOperator):
    """Two messages at once."""

    def messages(self, context: Any) -> tuple[Message, ...]:
        told = Failure(dag="loans__health", run="r", task="answer", attempt=1)
        first = failure_message(self.endpoint, told)
        return first, first.model_copy(update={"key": "second", "title": "another"})


def test_a_channel_that_fails_for_one_message_gets_the_next_all_the_same(web):
    store = FakeStore()
    watched = endpoint(notifications={"channels": WEBHOOKS[:1]})
    operator = at_the_border(Both(task_id="notify", endpoint=watched, aws_conn_id=None), store=store)
    web.answers = [500]
    with pytest.raises(NotificationError, match=r"1 of 1 channels .*first"):
        operator.execute(context(operator))
    assert [record["title"] for record in records(store)] == ["another"]
    operator.execute(context(operator))
    assert len(web.posted) == 3
