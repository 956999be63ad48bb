"""A day of windows backfilled through Airflow's REST API, and a part of it once more: not a byte differs.

But for what is told about labels: since the day was judged, others came, of other hours. They change nothing else.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

import pytest

from loanapp.cloud import split
from loanapp.runs import Runs

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


OF_LABELS = ("/merge/", "/model_quality/", "/bias/")
#: Hours that are judged once more: quiet ones, those without labels, and those of the new system.
ONCE_MORE = 6


@pytest.fixture(scope="module")
def day(loop):
    hours = loop.story.hours
    return hours[0].window.start, hours[-1].window.start


def without_labels(key, content):
    """A verdict or ``merge.json`` without which labels there were, and how many of them are of no use here."""
    if not key.endswith(("/verdict.json", "/merge.json")) or not any(part in key for part in OF_LABELS):
        return content
    told = json.loads(content)
    return json.dumps(
        {name: value for name, value in told.items() if name not in ("labels", "labels_manifest")}
    ).encode()


def digests(loop):
    """Key → SHA-256 of everything below the endpoint's results, but for the folder of the jobs and the labels seen."""
    root = loop.results.layout.root
    bucket, prefix = split(root)
    return {
        key: hashlib.sha256(without_labels(key, loop.cloud.read(bucket, key))).hexdigest()
        for key in loop.cloud.keys(root)
        if not key.startswith(f"{prefix}/jobs/")
    }


def runs_of(airflow, loop, day):
    first, last = (moment.isoformat() for moment in day)
    return airflow.runs(loop.monitor, logical_date_gte=first, logical_date_lte=last)


def test_a_day_backfilled_is_24_successful_runs(loop, airflow, day):
    runs = runs_of(airflow, loop, day)
    assert [run["state"] for run in runs] == ["success"] * 24
    assert {datetime.fromisoformat(run["logical_date"]) for run in runs} == {
        hour.window.start for hour in loop.story.hours
    }


def test_its_last_hours_once_more_leave_every_result_file_as_it_was(loop, airflow, day):
    hours = loop.story.hours[-ONCE_MORE:]
    assert all(hour in hours for hour in (*loop.story.late, *loop.story.drifted))
    again = hours[0].window.start, day[1]
    before = digests(loop)
    attempts = {run["dag_run_id"]: run["start_date"] for run in runs_of(airflow, loop, day)}
    retrained = len(airflow.runs(loop.retrain))
    jobs = len(loop.cloud.keys(f"{loop.results.layout.root}/jobs"))

    Runs(airflow, loop.reporter).backfill(loop.monitor, *again, reprocess="completed", at_once=4)

    runs = runs_of(airflow, loop, again)
    assert [run["state"] for run in runs] == ["success"] * ONCE_MORE
    assert all(run["start_date"] != attempts.get(run["dag_run_id"]) for run in runs), "every window was run again"
    assert len(loop.cloud.keys(f"{loop.results.layout.root}/jobs")) > jobs, "by jobs of their own"
    after = digests(loop)
    assert {key: after.get(key) for key in before} == before
    # A window that was judged before its neighbours were leaves a decision on what it saw; later there is more to see.
    # And a judgement on other labels is another one.
    assert all("/decisions/" in key or "/judgements/" in key for key in after.keys() - before.keys())
    assert len(airflow.runs(loop.retrain)) == retrained, "drift that was answered is not answered again"
    assert loop.results.live()[0] == "loan-approval-v2"
