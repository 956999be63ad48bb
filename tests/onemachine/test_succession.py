"""What a dead component has left behind is its successor's at once."""

from __future__ import annotations

import os
import signal

import pytest

from onemachine import postgres, stack
from onemachine.credentials import load_or_make
from onemachine.succession import JOB_TYPES

pytestmark = pytest.mark.slow


@pytest.fixture
def jobs(settings):
    """Airflow's table of jobs, with an open record for each component and one that ended in order."""
    running = stack.up(settings, say=stack.quiet).settings
    connection = postgres.connect(running, load_or_make(running.airflow_home), postgres.DATABASE)
    connection.autocommit = True

    def ask(statement: str, *values: object) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    ask("CREATE TABLE job (id serial, job_type text, state text, end_date timestamptz)")
    for job_type in JOB_TYPES.values():
        ask("INSERT INTO job (job_type, state) VALUES (%s, 'running')", job_type)
    ask("INSERT INTO job (job_type, state, end_date) VALUES ('SchedulerJob', 'success', '2026-03-01T00:00:00Z')")
    yield ask
    connection.close()


def test_the_records_of_killed_components_are_closed_before_the_next_start_and_no_others(settings, jobs):
    before = jobs("SELECT * FROM job ORDER BY id")
    stack.up(settings, say=stack.quiet)
    assert jobs("SELECT * FROM job ORDER BY id") == before
    for name in ("scheduler", "triggerer"):
        os.kill(stack.runs_of(settings).running(name).pid, signal.SIGKILL)
    stack.up(settings, say=stack.quiet)
    closed = jobs("SELECT job_type, end_date > now() - interval '1 hour' FROM job WHERE state = 'failed' ORDER BY id")
    assert closed == [("SchedulerJob", True), ("TriggererJob", True)]
    assert jobs("SELECT job_type FROM job WHERE end_date IS NULL") == [("DagProcessorJob",)]
    assert jobs("SELECT state FROM job WHERE end_date = '2026-03-01T00:00:00Z'") == [("success",)]
