"""When a task with a job has failed, its job does not run on; whatever else there is, is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_fakes import FakeSageMaker, at_the_border, context
from endpointwatch_airflow.hooks.answers import Outcome
from endpointwatch_airflow.links.sagemaker import JobLink
from endpointwatch_airflow.operators.stop import StopJobsOperator


def stop(sagemaker: FakeSageMaker, started: Any) -> list[str]:
    task = at_the_border(StopJobsOperator(task_id="stop", job_task_ids=["run"], aws_conn_id=None), sagemaker)
    run = context(task)
    run["ti"].pushed[JobLink.key] = started
    return task.execute(run)


JOB = {"kind": "ProcessingJob", "job_name": "job", "region_name": "us-east-1"}


@pytest.mark.parametrize(
    ("status", "asked"), [("InProgress", ["job"]), ("Completed", []), ("Failed", []), ("Stopped", [])]
)
def test_only_a_job_that_still_runs_is_stopped(status, asked):
    sagemaker = FakeSageMaker(jobs={"job": Outcome("ProcessingJob", "job", status)})
    assert stop(sagemaker, JOB) == asked
    assert sagemaker.stopped == asked


def test_a_task_that_started_no_job_leaves_nothing_to_stop():
    sagemaker = FakeSageMaker()
    assert stop(sagemaker, {}) == []
    assert sagemaker.stopped == []


def test_a_job_that_is_gone_is_no_error():
    assert stop(FakeSageMaker(), JOB) == []


def test_of_the_jobs_of_a_mapped_task_those_that_still_run_are_stopped():
    jobs = {name: Outcome("ProcessingJob", name, status) for name, status in (("a", "Completed"), ("b", "InProgress"))}
    assert stop(FakeSageMaker(jobs=jobs), [{**JOB, "job_name": name} for name in jobs]) == ["b"]
