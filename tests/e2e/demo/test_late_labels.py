"""Labels that come late, in a real Airflow: one window's answer becomes final, no other window's files are touched."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest

from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from loanapp import traffic
from loanapp.cloud import split
from loanapp.results import BIAS, QUALITY
from loanapp.runs import Runs

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def layout(loop):
    return Layout.of(loop.endpoint)


@pytest.fixture(scope="module")
def window(loop, layout):
    """The demo's last one: live traffic, judged without a single label."""
    return Window.at(loop.rows[-1].location.removeprefix(f"{layout.root}/data_quality/"))


@pytest.fixture(scope="module", autouse=True)
def nothing_else_is_judged(loop, airflow):
    """The schedule would judge another window when a full hour passes."""
    airflow.pause(loop.monitor)
    yield
    airflow.unpause(loop.monitor)


@pytest.fixture(scope="module")
def look(loop, airflow):
    """Let the labels DAG look for labels; its run."""

    def looked():
        run = airflow.trigger(f"{loop.endpoint.name}__labels")
        return Runs(airflow, loop.reporter).finish(f"{loop.endpoint.name}__labels", run["dag_run_id"])

    return looked


def listed(loop, layout):
    """Key below the endpoint's results → ETag and time of writing; but for the jobs' own folder."""
    bucket, prefix = split(layout.root)
    pages = loop.cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    every = [entry for page in pages for entry in page.get("Contents", ())]
    return {
        entry["Key"].removeprefix(f"{prefix}/"): (entry["ETag"], entry["LastModified"])
        for entry in every
        if not entry["Key"].startswith(f"{prefix}/jobs/")
    }


def deliver(loop, name, share_from, share_to):
    present = loop.story.present
    some = present[math.ceil(share_from * len(present)) : math.ceil(share_to * len(present))]
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    traffic.deliver_labels(loop.cloud, loop.endpoint.training_labels, hour, some, name=name)


def changed(before, after):
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_late_labels_make_a_provisional_window_final_and_touch_no_other_window(loop, layout, window, look):
    first = loop.results.verdict(window, QUALITY)
    assert (first.status, first.label_coverage, first.labels_final) == ("PROVISIONAL", 0.0, False)
    start = listed(loop, layout)
    seen = [(first.status, first.label_coverage)]
    for name, share_from, share_to in (("a", 0.0, 0.31), ("b", 0.31, 0.97)):
        before = listed(loop, layout)
        deliver(loop, name, share_from, share_to)
        look()
        # This window's merge, model quality and bias, what waits for labels, and nothing else: not its data quality.
        own = tuple(f"{folder}/{window.path}/" for folder in (QUALITY, BIAS, "merge"))
        others = {key for key in changed(before, listed(loop, layout)) if not key.startswith(own)}
        assert others == {"labels/open.json"}
        verdict = loop.results.verdict(window, QUALITY)
        seen.append((verdict.status, round(verdict.label_coverage, 2)))
        assert loop.results.verdict(window, BIAS).status == verdict.status
    assert seen == [("PROVISIONAL", 0.0), ("PROVISIONAL", 0.31), ("OK", 0.97)]
    assert loop.results.verdict(window, QUALITY).labels_final

    kept = [key for key in changed(start, listed(loop, layout)) | start.keys() if "/judgements/" in key]
    folder = f"{QUALITY}/{window.path}/judgements/"
    bucket, prefix = split(layout.root)
    texts = [loop.cloud.read(bucket, f"{prefix}/{key}") for key in kept if key.startswith(folder)]
    answers = {(told["status"], round(told["label_coverage"], 2)) for told in map(json.loads, texts)}
    assert answers == set(seen)
    assert loop.cloud.read(bucket, f"{prefix}/{QUALITY}/{window.path}/verdict.json") in texts


def test_without_other_labels_nothing_is_judged_and_not_a_file_is_written_but_the_list_of_what_waits(
    loop, layout, look, airflow
):
    before = listed(loop, layout)
    run = look()
    assert changed(before, listed(loop, layout)) <= {"labels/open.json"}
    states = {
        task["task_id"]: task["state"]
        for task in airflow.task_instances(f"{loop.endpoint.name}__labels", run["dag_run_id"])
    }
    assert states["judge_again"] == states["decide"] == "skipped"


def test_what_still_waits_for_labels_is_on_record(loop, layout):
    waiting = loop.cloud.json(layout.open_windows())["windows"]
    assert [one["window"] for one in waiting] == []
