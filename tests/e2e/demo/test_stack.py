"""The stack as a user meets it: a real scheduler runs real tasks against the local AWS."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from datetime import UTC, datetime

import boto3
import psutil
import pytest

from onemachine import stack as onemachine
from onemachine.errors import AirflowApiError
from onemachine.settings import HOST

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def probe_run(airflow):
    airflow.wait_for_dag("stack_probe")
    started = airflow.trigger("stack_probe")
    return airflow.wait("stack_probe", started["dag_run_id"])


def test_a_triggered_run_succeeds(probe_run):
    assert probe_run["state"] == "success"


def test_a_task_reaches_the_local_aws_and_this_stacks_endpoints(airflow, stack, stack_settings, probe_run):
    seen = airflow.xcom("stack_probe", probe_run["dag_run_id"], "surroundings")
    assert seen == {
        "AWS_ENDPOINT_URL": stack.aws_url,
        "ENDPOINTWATCH_ENDPOINTS_DIR": str(stack_settings.endpoints),
    }


def test_a_tasks_log_can_be_read_without_a_log_server(airflow, probe_run):
    log = airflow.log("stack_probe", probe_run["dag_run_id"], "surroundings")
    assert "a line in the task's log" in log
    assert "Could not read served logs" not in log


def test_a_backfill_makes_one_run_for_each_hour_of_its_range(airflow):
    airflow.wait_for_dag("stack_probe_hourly")
    airflow.unpause("stack_probe_hourly")
    first, last = datetime(2026, 2, 1, 3, tzinfo=UTC), datetime(2026, 2, 1, 5, tzinfo=UTC)
    assert len(airflow.backfill_dry_run("stack_probe_hourly", first, last)) == 3
    runs = airflow.wait_for_backfill(airflow.backfill("stack_probe_hourly", first, last))
    airflow.pause("stack_probe_hourly")
    assert [run["state"] for run in runs] == ["success"] * 3
    windows = [airflow.xcom("stack_probe_hourly", run["dag_run_id"], "window") for run in runs]
    assert windows == [f"2026-02-01 0{hour}:00:00+00:00" for hour in (3, 4, 5)]


def test_a_viewer_sees_runs_and_may_not_start_any(viewer, probe_run):
    assert viewer.run("stack_probe", probe_run["dag_run_id"])["state"] == "success"
    with pytest.raises(AirflowApiError) as caught:
        viewer.trigger("stack_probe")
    assert caught.value.status == 403


def test_a_wrong_password_gets_no_token(stack):
    from onemachine.airflow_api import AirflowApi  # noqa: PLC0415

    with AirflowApi(stack.airflow_url, ("admin", "wrong")) as api, pytest.raises(AirflowApiError) as caught:
        api.dags()
    assert caught.value.status == 401


def test_a_client_with_the_stacks_environment_alone_reaches_the_local_aws(stack, monkeypatch):
    for name, value in stack.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_nothing_of_it_listens_beyond_loopback(stack, stack_settings):
    listening = set()
    for process in onemachine.runs_of(stack_settings).members():
        with suppress(psutil.NoSuchProcess):  # a task or a job that has just ended
            connections = process.net_connections("inet")
            listening |= {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    assert listening == {HOST}


def test_killing_airflow_and_starting_it_again_loses_no_run(stack, stack_settings, airflow, probe_run):
    runs = onemachine.runs_of(stack_settings)
    for name in ("scheduler", "triggerer", "dag-processor", "api-server"):
        os.kill(runs.running(name).pid, signal.SIGKILL)
    again = onemachine.up(stack_settings)
    assert set(again.started) == {"scheduler", "triggerer", "dag-processor", "api-server"}
    assert again.airflow_url == stack.airflow_url
    assert airflow.run("stack_probe", probe_run["dag_run_id"])["state"] == "success"
    started = airflow.trigger("stack_probe")
    assert airflow.wait("stack_probe", started["dag_run_id"])["state"] == "success"
