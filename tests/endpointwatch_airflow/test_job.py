"""One task, one job: however the process that started it ends."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from asgiref.sync import sync_to_async

from airflow_fakes import FakeSageMaker, at_the_border, context
from endpointwatch_airflow.errors import JobError
from endpointwatch_airflow.hooks.answers import Outcome
from endpointwatch_airflow.operators.job import SageMakerJobOperator
from endpointwatch_airflow.triggers.job import JobTrigger


class CountOperator(SageMakerJobOperator):
    """A job about nothing."""

    work = "count"
    failures: list[str]

    def subject(self, context: Any) -> str:
        return "sheep"

    def request(self, context: Any, job: str) -> dict[str, Any]:
        return {"RoleArn": "role", "Environment": {"job": job}}

    def succeeded(self, context: Any, outcome: Outcome) -> str:
        return f"counted by {outcome.name}"

    def failed(self, context: Any, outcome: Outcome) -> None:
        self.failures.append(outcome.name)


def operator(sagemaker: FakeSageMaker, *, deferrable: bool = False) -> CountOperator:
    task = CountOperator(task_id="count", endpoint_name="loans", retries=2, deferrable=deferrable, aws_conn_id=None)
    task.failures = []
    return at_the_border(task, sagemaker)


def run_here(sagemaker: FakeSageMaker, **changes: Any) -> Any:
    task = operator(sagemaker)
    return task.execute(context(task, **changes))


def run_deferred(sagemaker: FakeSageMaker, **changes: Any) -> Any:
    """As Airflow does it: another process, so another operator, goes on when the trigger fires."""
    task = operator(sagemaker, deferrable=True)
    try:
        return task.execute(context(task, **changes))
    except TaskDeferred as deferred:
        job = deferred.trigger.serialize()[1]["job_name"]
        if sagemaker.on_wait is not None:
            sagemaker.on_wait(job)
        sagemaker.end(job, sagemaker.ends)
        resumed = operator(sagemaker)
        event = {"status": "success", "job_name": job}
        return getattr(resumed, deferred.method_name)(context(resumed, **changes), event=event)


both_ways = pytest.mark.parametrize("run", [run_here, run_deferred])


@both_ways
def test_a_task_starts_one_job_and_hands_on_its_result(run):
    sagemaker = FakeSageMaker()
    (result,) = {run(sagemaker)}
    (request,) = sagemaker.started
    assert result == f"counted by {request['ProcessingJobName']}"
    assert request["Environment"] == {"job": request["ProcessingJobName"]}
    tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    assert tags["endpointwatch:endpoint"] == "loans"
    assert tags["endpointwatch:run_id"] == "scheduled__14"


@both_ways
@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_a_retry_takes_the_job_of_the_try_that_was_killed(run, status):
    sagemaker = FakeSageMaker()
    killed = operator(sagemaker, deferrable=True)
    with pytest.raises(TaskDeferred):
        killed.execute(context(killed))
    (name,) = sagemaker.jobs
    sagemaker.end(name, status)
    assert run(sagemaker, try_number=2) == f"counted by {name}"
    assert len(sagemaker.started) == 1


@both_ways
@pytest.mark.parametrize("status", ["Failed", "Stopped", "Stopping"])
def test_a_retry_follows_a_job_without_success_by_another_one(run, status):
    sagemaker = FakeSageMaker()
    operator_ = operator(sagemaker, deferrable=True)
    with pytest.raises(TaskDeferred):
        operator_.execute(context(operator_))
    (name,) = sagemaker.jobs
    sagemaker.end(name, status)
    assert run(sagemaker, try_number=2) == f"counted by {name}-2"


@both_ways
def test_a_cleared_task_starts_a_fresh_job_beside_the_completed_one(run):
    sagemaker = FakeSageMaker()
    run(sagemaker)
    run(sagemaker, try_number=2, max_tries=3)
    assert len(sagemaker.started) == len(sagemaker.jobs) == 2


@both_ways
def test_a_failed_job_is_an_error_that_gives_sagemakers_reason_and_the_log(run):
    sagemaker = FakeSageMaker(ends="Failed")
    sagemaker.end = lambda name, status, reason=None: FakeSageMaker.end(sagemaker, name, status, "disk full")  # type: ignore[method-assign]
    with pytest.raises(JobError, match=r"ended Failed: disk full.*/aws/sagemaker/ProcessingJobs, streams loans-count-"):
        run(sagemaker)


@both_ways
def test_a_job_that_outlasts_the_patience_is_left_running_for_the_retry(run):
    sagemaker = FakeSageMaker(ends="InProgress")
    with pytest.raises(JobError, match="a retry joins it"):
        run(sagemaker)
    assert sagemaker.stopped == []


def test_two_processes_of_one_try_share_the_job_that_was_faster():
    sagemaker = FakeSageMaker()
    task = operator(sagemaker)

    def overtaken(ctx: Any, job: str) -> dict[str, Any]:
        sagemaker.jobs[job] = Outcome("ProcessingJob", job, "InProgress")
        return {}

    task.request = overtaken  # type: ignore[method-assign]
    task.execute(context(task))
    assert len(sagemaker.jobs) == 1


def test_killing_the_running_task_stops_its_job():
    sagemaker = FakeSageMaker()
    task = operator(sagemaker)
    sagemaker.on_wait = lambda name: task.on_kill()
    task.execute(context(task))
    assert sagemaker.stopped == list(sagemaker.jobs)


def test_killing_a_task_before_it_has_a_job_stops_nothing():
    sagemaker = FakeSageMaker()
    operator(sagemaker).on_kill()
    assert sagemaker.stopped == []


def test_the_links_lead_to_the_job_and_its_log():
    sagemaker = FakeSageMaker()
    task = operator(sagemaker)
    ctx = context(task)
    task.execute(ctx)
    (name,) = sagemaker.jobs
    links = {link.name: link.format_link(**ctx["ti"].pushed[link.key]) for link in task.operator_extra_links}
    home = "https://console.aws.amazon.com"
    assert links["SageMaker job"] == f"{home}/sagemaker/home?region=us-east-1#/processing-jobs/{name}"
    assert links["Job log"] == (
        f"{home}/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/"
        f"$252Faws$252Fsagemaker$252FProcessingJobs$3FlogStreamNameFilter$3D{name}"
    )


def test_the_trigger_survives_its_way_to_the_triggerer():
    trigger = JobTrigger(
        kind="TrainingJob", job_name="j", waiter_delay=3, waiter_max_attempts=4, aws_conn_id=None,
        region_name="eu-west-1", verify=False, botocore_config={"read_timeout": 7},
    )  # fmt: skip
    path, arguments = trigger.serialize()
    assert path == "endpointwatch_airflow.triggers.job.JobTrigger"
    assert JobTrigger(**arguments).serialize() == (path, arguments)
    hook = JobTrigger(**arguments).hook()
    assert (hook.aws_conn_id, hook._region_name, hook._verify) == (None, "eu-west-1", False)


def test_ending_the_deferred_task_stops_the_job(monkeypatch):
    asked: list[tuple[str, str]] = []

    async def stop(self: Any, kind: str, name: str) -> None:
        asked.append((kind, name))

    monkeypatch.setattr("endpointwatch_airflow.hooks.sagemaker.SageMakerHook.stop_job_async", stop)
    asyncio.run(JobTrigger(kind="ProcessingJob", job_name="j", aws_conn_id=None).on_kill())
    assert asked == [("ProcessingJob", "j")]


def test_a_users_cancellation_keeps_its_message_while_the_trigger_reads_its_connection(monkeypatch):
    """By the message the triggerer knows to call ``on_kill``; asgiref's ``sync_to_async`` would lose it."""
    reading = threading.Event()

    def read_slowly() -> None:
        reading.set()
        time.sleep(0.5)

    class SlowConnection:
        async def get_async_conn(self) -> Any:
            return await sync_to_async(read_slowly)()

    trigger = JobTrigger(kind="ProcessingJob", job_name="job", aws_conn_id=None)
    monkeypatch.setattr(trigger, "hook", SlowConnection)

    async def cancelled_meanwhile() -> tuple[Any, ...]:
        task = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.to_thread(reading.wait)
        task.cancel("user-action")
        try:
            await task
        except asyncio.CancelledError as cancelled:
            return cancelled.args
        return ("not cancelled",)

    assert asyncio.run(cancelled_meanwhile()) == ("user-action",)
