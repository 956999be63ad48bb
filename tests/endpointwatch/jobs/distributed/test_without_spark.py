"""The cluster's entry point where no cluster is needed, or none is there."""

from __future__ import annotations

import sys

import pytest

from endpointwatch.jobs.plan import MonitorPlan
from endpointwatch.jobs.spark import main

PLAN = {"job_plan": "/opt/ml/processing/input/plan/plan.json"}


@pytest.fixture
def run(job, monkeypatch):
    # As if it were not installed: an import of it fails.
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)

    def started(captured: str | None, plan: str):
        place = job()
        (place.base / "processing/input/capture").mkdir(parents=True)
        if captured is not None:
            place.put("input/capture/a.jsonl", captured)
        place.put("input/plan/plan.json", plan)
        return main([], {**PLAN, "SAGEMAKER_BASE_DIR": str(place.base)}), place

    return started


@pytest.fixture
def plan(endpoint, window):
    return MonitorPlan(endpoint=endpoint, window=window, monitors=("data_quality",), model_version="v").to_json()


def test_where_there_is_no_pyspark_the_exit_message_says_what_to_do(run, plan, traffic):
    code, place = run(traffic.record(1), plan)
    assert code == 255
    assert place.message.startswith("Error: There is no PySpark here")
    assert "Run the job in the Spark image." in place.message


def test_a_bad_plan_is_told_before_any_cluster_starts(run):
    code, place = run(None, "{}")
    assert code == 255
    assert "is no plan of this version" in place.message


def test_a_window_without_files_needs_no_cluster(run, plan):
    code, place = run(None, plan)
    assert code == 0
    assert place.verdict["status"] == "NO_DATA"
