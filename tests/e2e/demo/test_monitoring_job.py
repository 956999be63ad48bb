"""What becomes of a monitoring job when its task dies or is ended, and of windows that hold nothing or nonsense."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.loader import load
from endpointwatch.config.window import Window
from endpointwatch.reports.verdict import Verdict
from loanapp.applications import Applications
from loanapp.cloud import Cloud
from loanapp.loop import Loop
from loanapp.progress import Reporter
from loanapp.results import Results
from loanapp.story import tell
from onemachine import stack as onemachine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def endpoint(stack_settings) -> Endpoint:
    return load(stack_settings.endpoints / "loan-approval.yaml")


@pytest.fixture(scope="module")
def cloud(stack) -> Cloud:
    return Cloud(stack.environment)


@pytest.fixture(scope="module")
def watched(airflow, cloud, endpoint) -> Results:
    """The endpoint serves and has a baseline: since the loop's test, or now."""
    results = Results(cloud, endpoint)
    if not cloud.sagemaker.list_endpoints(NameContains=endpoint.name)["Endpoints"]:
        anchor = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        loop = Loop(airflow, cloud, endpoint, tell(Applications.load(), anchor), Reporter.plain())
        loop.prepare()
        loop.first_version()
    airflow.unpause(f"{endpoint.name}__monitor")
    return results


def record(endpoint: Endpoint, number: int, moment: datetime) -> str:
    """One capture line in SageMaker's schema: as many inputs as the endpoint has, one output."""
    columns = len(endpoint.training.features) if endpoint.training else 1
    row = ",".join(str(1 + (number * 7 + column) % 50) for column in range(columns))
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {
                    "observedContentType": "text/csv", "mode": "INPUT", "data": row, "encoding": "CSV",
                },
                "endpointOutput": {
                    "observedContentType": "text/csv; charset=utf-8",
                    "mode": "OUTPUT",
                    "data": f"{0.5 + number % 40 / 100}\n",
                    "encoding": "CSV",
                },
            },
            "eventMetadata": {
                "eventId": f"00000000-0000-4000-8000-{number:012d}",
                "inferenceId": f"by-hand-{number}",
                "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            },
            "eventVersion": "0",
        }
    )  # fmt: skip


def lay(s3: Any, endpoint: Endpoint, window: Window, lines: list[str], *, name: str = "00-00-000-by-hand") -> str:
    """Put ``lines`` where SageMaker would have put them; the file's key."""
    bucket, _, prefix = endpoint.capture.destination_uri.removeprefix("s3://").partition("/")
    key = f"{prefix}/{endpoint.name}/{endpoint.hosting.variant_name}/{window.start:%Y/%m/%d/%H}/{name}.jsonl"
    s3.put_object(Bucket=bucket, Key=key, Body="\n".join(lines).encode())
    return key


def records(endpoint: Endpoint, window: Window, count: int) -> list[str]:
    step = window.length / count
    return [record(endpoint, number, window.start + number * step) for number in range(count)]


def hour(day: int, start: int) -> Window:
    """A window long past, which no other test judges."""
    return Window.of(datetime(2026, 2, day, start, tzinfo=UTC), datetime(2026, 2, day, start + 1, tzinfo=UTC))


def form(window: Window) -> dict[str, str]:
    return {"window_start": window.start.isoformat(), "window_end": window.end.isoformat()}


def jobs(cloud: Cloud, endpoint: Endpoint, window: Window) -> list[dict[str, Any]]:
    listed = cloud.sagemaker.list_processing_jobs(NameContains=f"monitor-{window.stamp}")
    return [job for job in listed["ProcessingJobSummaries"] if job["ProcessingJobName"].startswith(endpoint.name[:10])]


def until(look: Callable[[], Any], seconds: float, what: str, *, every: float = 0.02) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(every)
    return found


@contextmanager
def analyzer_held_still(settings, window: Window) -> Iterator[Callable[[], list[psutil.Process]]]:
    """Stops (SIGSTOP) the analyzer's processes once they run, so that the job is "in the middle" for as long as needed.

    Yields a function that waits for the job and stops it; the processes go on when the block is left.
    """
    held: list[psutil.Process] = []

    def running() -> list[psutil.Process]:
        found = []
        for process in onemachine.runs_of(settings).members("pocketaws"):
            with suppress(psutil.Error):
                if "endpointwatch.jobs" in process.cmdline():
                    found.append(process)
        return found

    def hold() -> list[psutil.Process]:
        held.extend(until(running, 90, f"an analyzer for {window}"))
        for process in held:
            process.suspend()
        return held

    try:
        yield hold
    finally:
        for process in held:
            if process.is_running():
                process.resume()


def test_a_retry_after_kill_9_finishes_with_the_same_job(airflow, stack_settings, watched, cloud, endpoint):
    window = hour(3, 5)
    lay(cloud.s3, endpoint, window, records(endpoint, window, 120))
    airflow.wait_for_dag("monitor_on_worker")
    with analyzer_held_still(stack_settings, window) as hold:
        run_id = airflow.trigger("monitor_on_worker", conf=form(window))["dag_run_id"]
        hold()
        airflow.wait_for_task("monitor_on_worker", run_id, "run_monitors", {"running"})
        pid = until(
            lambda: airflow.task_instance("monitor_on_worker", run_id, "run_monitors")["pid"], 30, "a pid", every=0.3
        )
        os.kill(pid, signal.SIGKILL)
        again = until(
            lambda: [
                task
                for task in [airflow.task_instance("monitor_on_worker", run_id, "run_monitors")]
                if task["try_number"] > 1 and task["state"] == "running" and task["pid"] != pid
            ],
            120,
            "a second try",
            every=0.5,
        )
        assert [job["ProcessingJobStatus"] for job in jobs(cloud, endpoint, window)] == ["InProgress"]
    run = airflow.wait("monitor_on_worker", run_id, seconds=120)

    assert run["state"] == "success"
    assert again[0]["try_number"] == 2
    assert [job["ProcessingJobStatus"] for job in jobs(cloud, endpoint, window)] == ["Completed"]
    assert watched.verdict(window).rows.analysed == 120


@pytest.mark.parametrize("taken_up", [True, False], ids=["by its trigger", "before the triggerer has taken it up"])
def test_marking_the_deferred_task_failed_stops_its_job(airflow, stack_settings, watched, cloud, endpoint, taken_up):
    window, dag = hour(3, 7 if taken_up else 8), f"{endpoint.name}__monitor"
    lay(cloud.s3, endpoint, window, records(endpoint, window, 120))
    with analyzer_held_still(stack_settings, window) as hold:
        run_id = airflow.trigger(dag, conf=form(window))["dag_run_id"]
        held = hold()
        airflow.wait_for_task(dag, run_id, "run_monitors", {"deferred"})
        if taken_up:
            until(lambda: "starting" in airflow.log(dag, run_id, "run_monitors"), 30, "a trigger", every=0.3)
        airflow.set_task_state(dag, run_id, "run_monitors", "failed")
        until(
            lambda: [job["ProcessingJobStatus"] for job in jobs(cloud, endpoint, window)] == ["Stopped"],
            90,
            "the job is stopped",
            every=0.5,
        )
    assert not [process for process in held if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert airflow.wait(dag, run_id, seconds=60)["state"] == "failed"
    assert watched.verdict(window) is None


def test_clearing_a_finished_run_judges_its_window_by_a_new_job(airflow, watched, cloud, endpoint):
    window, dag = hour(3, 9), f"{endpoint.name}__monitor"
    lay(cloud.s3, endpoint, window, records(endpoint, window, 60))
    run_id = airflow.trigger(dag, conf=form(window))["dag_run_id"]
    assert airflow.wait(dag, run_id)["state"] == "success"
    first = watched.verdict(window)
    airflow.clear(dag, run_id)
    airflow.wait_for_task(dag, run_id, "run_monitors", {"success"}, seconds=180)
    until(lambda: len(jobs(cloud, endpoint, window)) == 2, 120, "a second job", every=0.5)
    assert airflow.wait(dag, run_id)["state"] == "success"
    assert watched.verdict(window) == first


def test_a_window_without_traffic_is_a_green_run_with_the_verdict_no_data(airflow, watched, cloud, endpoint):
    window, dag = hour(4, 3), f"{endpoint.name}__monitor"
    run_id = airflow.trigger(dag, conf=form(window))["dag_run_id"]

    assert airflow.wait(dag, run_id)["state"] == "success"
    verdict: Verdict = watched.verdict(window)
    assert verdict.status == "NO_DATA"
    assert verdict.evidence
    assert verdict.remedy
    assert jobs(cloud, endpoint, window) == []
    states = {task["task_id"]: task["state"] for task in airflow.task_instances(dag, run_id)}
    assert states["healthy"] == "success"
    assert states["decide"] == "skipped"


def test_malformed_lines_are_named_and_the_rest_is_judged(airflow, watched, cloud, endpoint):
    window, dag = hour(4, 5), f"{endpoint.name}__monitor"
    lines = records(endpoint, window, 100)
    lines[9] = lines[9][:60]  # cut off in the middle
    lines[49] = lines[49].replace('"mode": "INPUT", "data": "', '"mode": "INPUT", "data": null, "x": "')  # no text
    lines[99] = "not JSON at all"
    key = lay(cloud.s3, endpoint, window, lines)
    run_id = airflow.trigger(dag, conf=form(window))["dag_run_id"]

    assert airflow.wait(dag, run_id)["state"] == "success"
    verdict: Verdict = watched.verdict(window)
    assert (verdict.rows.read, verdict.rows.analysed, verdict.rows.set_aside) == (100, 97, 3)
    assert [aside.line for aside in verdict.set_aside] == [10, 50, 100]
    assert all(key.endswith(aside.file.rpartition("/")[2]) and aside.reason for aside in verdict.set_aside)
