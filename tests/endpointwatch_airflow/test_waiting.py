"""A job, an endpoint or a lease is waited for across a time in which AWS cannot be reached."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from endpointwatch.actions.lease import Answer, Holder
from endpointwatch_airflow.hooks.lease import LeaseHook
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.triggers.endpoint import EndpointSettledTrigger
from endpointwatch_airflow.triggers.job import JobTrigger
from endpointwatch_airflow.triggers.lease import LeaseTrigger

ONCE = {"retries": {"max_attempts": 0}}


class Sometimes(ThreadingHTTPServer):
    """SageMaker, as far as a job's status goes; the first ``silent`` connections are cut without an answer."""

    def __init__(self, silent: int) -> None:
        super().__init__(("127.0.0.1", 0), Described)
        self.silent = silent
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Described(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        if self.server.asked <= self.server.silent:
            self.connection.close()
            return
        body = json.dumps({"ProcessingJobStatus": "Completed", "EndpointStatus": "InService"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def sagemaker(monkeypatch) -> Iterator[Any]:
    """Start one that is silent so often at first; it is where every client looks for AWS."""
    started: list[Sometimes] = []

    def start(silent: int) -> Sometimes:
        server = Sometimes(silent)
        started.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def job(attempts: int) -> JobTrigger:
    return JobTrigger(
        kind="ProcessingJob", job_name="j", waiter_delay=0, waiter_max_attempts=attempts, aws_conn_id=None,
        region_name="us-east-1", botocore_config=ONCE,
    )  # fmt: skip


def endpoint(attempts: int) -> EndpointSettledTrigger:
    return EndpointSettledTrigger(
        endpoint_name="e", waiter_delay=0, waiter_max_attempts=attempts, aws_conn_id=None, region_name="us-east-1",
        botocore_config=ONCE,
    )  # fmt: skip


async def fired(trigger: Any) -> list[Any]:
    return [event async for event in trigger.run()]


@pytest.mark.parametrize(("trigger", "told"), [(job, {"job_name": "j"}), (endpoint, {"endpoint_name": "e"})])
def test_the_triggerer_goes_on_waiting_while_aws_does_not_answer(sagemaker, trigger, told):
    server = sagemaker(3)
    (event,) = asyncio.run(fired(trigger(attempts=10)))
    assert event.payload == {"status": "success", **told}
    assert server.asked == 4


def test_a_task_that_waits_itself_goes_on_too(sagemaker):
    server = sagemaker(3)
    hook = SageMakerHook(aws_conn_id=None, region_name="us-east-1", config=ONCE)
    hook.wait_for_job("ProcessingJob", "j", delay=0, attempts=10)
    assert server.asked == 4


def test_who_waits_for_the_lease_on_an_endpoint_goes_on_too(monkeypatch):
    asked: list[str] = []

    def unreachable_at_first(self: LeaseHook, folder: str, me: Holder, *, now: datetime) -> None:
        asked.append(folder)
        if len(asked) < 3:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1/")

    monkeypatch.setattr(LeaseHook, "wait_on", unreachable_at_first)
    monkeypatch.setattr(LeaseHook, "look", lambda *_, **__: Answer(free=True, why="free"))
    me = {"dag_id": "d", "run_id": "r", "task_id": "t"}
    (event,) = asyncio.run(fired(LeaseTrigger(folder="s3://b/lease", holder=me, delay=0.01, aws_conn_id=None)))
    assert event.payload == {"status": "free"}
    assert len(asked) == 3


def test_looks_without_an_answer_count_so_that_no_wait_is_endless(sagemaker):
    server = sagemaker(100)
    (event,) = asyncio.run(fired(job(attempts=3)))
    assert event.payload["status"] == "error"
    assert server.asked == 3
