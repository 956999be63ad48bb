"""The real notifiers and their clients against servers on loopback that take mail and HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_fakes import endpoint
from endpointwatch.reports.message import Failure, Message, as_slack, failure_message
from endpointwatch_airflow.errors import NotificationError, NotRetriedError
from endpointwatch_airflow.notifiers.delivery import deliver
from endpointwatch_airflow.notifiers.failure import FailureNotifier
from notification_servers import connect, http_server, mail_server

TOKEN, SECRET = "T00000000/B00000000/abcdefghijklmnop", "a-secret-of-the-test"
CHANNELS = [
    {"name": "chat", "kind": "slack", "conn_id": "team_chat"},
    {"name": "mail", "kind": "smtp", "to": ["ml@example.com", "risk@example.com"], "conn_id": "office_mail"},
    {"name": "desk", "kind": "webhook", "conn_id": "desk", "path": "incidents", "signature_header": "X-Signature"},
]
TOLD = Failure(
    dag="loans__monitor", run="r", task="run_monitors", attempt=1, error="Grüße from {{ a column }}",
    since=datetime(2026, 3, 1, 12, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def web(monkeypatch):
    with http_server() as server:
        host = f"http://127.0.0.1:{server.port}"
        connect(monkeypatch, "team_chat", conn_type="http", host=f"{host}/services", password=TOKEN)
        connect(monkeypatch, "desk", conn_type="http", host=host, extra={"hmac_secret": SECRET, "X-Team": "risk"})
        yield server


@pytest.fixture
def mail(monkeypatch):
    with mail_server() as server:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "watch@example.com", "retry_limit": 1}
        connect(monkeypatch, "office_mail", conn_type="smtp", host="127.0.0.1", port=server.port, extra=extra)
        yield server


def watched(*names: str, **notifications: Any) -> Any:
    channels = [channel for channel in CHANNELS if not names or channel["name"] in names]
    return endpoint(notifications={"channels": channels, **notifications})


def message() -> Message:
    return failure_message(endpoint(), TOLD)


def test_slack_gets_the_blocks_at_the_webhook_that_the_connections_password_names(web):
    deliver(message(), watched("chat"), {})
    (posted,) = web.posted
    assert posted.path == f"/services/{TOKEN}"
    assert json.loads(posted.body) == as_slack(message())
    assert posted.headers["Content-Type"] == "application/json"


def test_a_whole_url_as_the_password_leads_to_the_same_webhook(web, monkeypatch):
    host = f"http://127.0.0.1:{web.port}/services"
    connect(monkeypatch, "team_chat", conn_type="http", host=host, password=f"https://hooks.slack.com/services/{TOKEN}")
    deliver(message(), watched("chat"), {})
    assert web.posted[0].path == f"/services/{TOKEN}"


def test_a_webhook_gets_the_whole_message_signed_and_the_secret_stays_here(web):
    deliver(message(), watched("desk"), {})
    (posted,) = web.posted
    assert posted.path == "/incidents"
    assert Message.model_validate_json(posted.body) == message()
    assert (
        posted.headers["X-Signature"] == "sha256=" + hmac.new(SECRET.encode(), posted.body, hashlib.sha256).hexdigest()
    )
    assert posted.headers["X-Team"] == "risk"
    assert SECRET not in str(posted.headers)


def test_mail_goes_to_everybody_as_html_in_which_braces_stay_braces(mail):
    deliver(message(), watched("mail"), {})
    ((sender, recipients, letter),) = mail.mails
    assert sender == "watch@example.com"
    assert recipients == ["ml@example.com", "risk@example.com"]
    assert letter["Subject"] == "[warning] loans: task run_monitors of loans__monitor failed"
    body = letter.get_body(("html",))
    assert "Grüße from {{ a column }}" in body.get_content()


@pytest.mark.parametrize("broken", ["chat", "mail"])
def test_a_channel_that_fails_keeps_the_message_from_no_other(web, mail, broken):
    web.answers = [404] if broken == "chat" else []
    mail.refuses = broken == "mail"
    had: list[str] = []
    with pytest.raises(NotificationError, match=rf"1 of 3 channels did not take .* {broken}: ") as raised:
        deliver(message(), watched(), {}, delivered=had.append)
    assert sorted([*had, broken]) == ["chat", "desk", "mail"]
    assert TOKEN not in str(raised.value)


def test_who_has_had_it_does_not_get_it_again(web, mail):
    deliver(message(), watched(), {}, had=("chat", "mail"))
    assert [posted.path for posted in web.posted] == ["/incidents"]
    assert mail.mails == []


def test_routes_part_messages_by_severity_and_owner(web, mail):
    routes = [
        {"severities": ["critical"], "channels": ["chat"]},
        {"severities": ["warning", "critical"], "owners": ["endpoint_owner"], "channels": ["mail", "desk"]},
    ]
    deliver(message(), watched(routes=routes), {})
    assert [posted.path for posted in web.posted] == ["/incidents"]
    assert len(mail.mails) == 1
    deliver(message().model_copy(update={"audiences": ("label_owner",)}), watched(routes=routes), {})
    assert len(web.posted) == len(mail.mails) == 1


@pytest.mark.parametrize(
    ("channel", "connection", "remedy"),
    [("chat", {"host": "http://127.0.0.1:9/services"}, "has no password"), ("desk", {"host": "x"}, "'hmac_secret'")],
)
def test_a_connection_without_its_secret_says_what_is_missing(monkeypatch, channel, connection, remedy):
    connect(monkeypatch, "team_chat" if channel == "chat" else "desk", conn_type="http", **connection)
    with pytest.raises(NotificationError, match=remedy):
        deliver(message(), watched(channel), {})


def failed_task(error: BaseException | str | None) -> dict[str, Any]:
    """The context of a callback, as the task's process has it."""
    jobs = {"endpointwatch_job": {"kind": "ProcessingJob", "job_name": "loans-1", "region_name": "us-east-1",
                                  "aws_domain": "aws.amazon.com"}}  # fmt: skip
    instance = SimpleNamespace(
        dag_id="loans__monitor", run_id="scheduled__14", task_id="run_monitors", map_index=-1, try_number=3,
        start_date=datetime(2026, 3, 1, 15, 5, tzinfo=UTC), xcom_pull=lambda task_ids, key: jobs.get(key),
    )  # fmt: skip
    return {
        "ti": instance,
        "exception": error,
        "data_interval_start": datetime(2026, 3, 1, 14, tzinfo=UTC),
        "data_interval_end": datetime(2026, 3, 1, 15, tzinfo=UTC),
    }


def test_a_failed_task_is_told_as_airflow_calls_its_callbacks(web):
    FailureNotifier(endpoint=watched("desk"))(failed_task(RuntimeError("{{ no template }}")))
    told = Message.model_validate_json(web.posted[0].body)
    happened, error = told.happened
    assert happened.startswith("loans__monitor.run_monitors failed in run scheduled__14, about [2026-03-01 14:00, ")
    assert error == "RuntimeError: {{ no template }}"
    assert [link.title for link in told.links] == ["DAG run", "Log of run_monitors", "SageMaker job loans-1"]
    assert told.links[0].uri == "http://localhost:8080/dags/loans__monitor/runs/scheduled__14"


@pytest.mark.parametrize(
    ("error", "cause"), [(NotRetriedError("no"), "input"), (None, "infrastructure"), ("lost", "infrastructure")]
)
def test_what_would_fail_again_is_told_from_what_may_not(web, error, cause):
    FailureNotifier(endpoint=watched("desk"))(failed_task(error))
    assert Message.model_validate_json(web.posted[0].body).cause == cause


def test_a_secret_in_an_error_does_not_leave_airflow(web, mail, monkeypatch):
    """The token is in the address that the client's error names; Airflow knows it from the connection."""
    connect(monkeypatch, "team_chat", conn_type="http", host="http://127.0.0.1:9/services", password=TOKEN)
    with pytest.raises(NotificationError, match="Max retries exceeded") as raised:
        deliver(message(), watched("chat"), {})
    assert TOKEN not in str(raised.value)
    FailureNotifier(endpoint=watched("desk"))(failed_task(RuntimeError(f"no answer from /services/{TOKEN}")))
    assert b"no answer from" in web.posted[0].body
    assert TOKEN.encode() not in web.posted[0].body
