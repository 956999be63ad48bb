"""A replay whose job really runs: states in S3, the analyzer's image, the table in the task's log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from airflow_fakes import context, endpoint
from endpointwatch.capture.tally import Tally
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.window import HOUR, Window
from endpointwatch.jobs.tables import write_report
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports.judgement import Subject, judge
from endpointwatch.states import Table
from endpointwatch_airflow.operators.replay import ReplayOperator

pytestmark = pytest.mark.pocketaws
LAST = datetime(2026, 3, 1, 15, tzinfo=UTC)


def state(shift: int) -> Table:
    frame = pl.DataFrame({"amount": [str(number * 37 % 997 + shift) for number in range(400)]})
    (batch,) = frame.to_arrow().combine_chunks().to_batches()
    return data_quality.compute(batch)


def results(folder: Path) -> None:
    """A baseline of one version and six windows, of which the last three have drifted."""
    learnt, settings = state(0), DataQuality()
    asked = data_quality.suggest(learnt, settings)
    baseline = Baseline(asked, statistics(learnt))
    write_report(folder / "baselines" / "v1" / "data_quality", learnt, asked)
    for hour in range(6):
        window = Window.of(LAST - (6 - hour) * HOUR, LAST - (5 - hour) * HOUR)
        seen = state(300 if hour >= 3 else 0)
        findings = data_quality.check(seen, baseline, settings)
        subject = Subject("loans", "data_quality", window, "v1")
        verdict = judge(subject, Tally(analysed=seen.rows), findings, minimum_rows=1)
        place = folder / "data_quality" / window.path
        write_report(place, seen, asked, verdict.violations)
        (place / "verdict.json").write_text(verdict.to_json(), encoding="utf-8")


def test_a_replay_runs_as_a_job_over_the_states_in_s3(pocketaws, monkeypatch, tmp_path, capsys):
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)
    bucket = f"replay-{uuid4().hex[:8]}"
    s3 = pocketaws.client("s3")
    s3.create_bucket(Bucket=bucket)
    results(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            s3.put_object(Bucket=bucket, Key=f"results/loans/{path.relative_to(tmp_path)}", Body=path.read_bytes())
    watched = endpoint(
        results_uri=f"s3://{bucket}/results",
        job={"image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"},
    )
    task: Any = ReplayOperator(task_id="replay", endpoint=watched, retries=2, aws_conn_id=None, waiter_delay=1)
    params = {"last_windows": 4, "comparison_threshold": 0.9}
    result = task.execute(context(task, params=params, run_after=LAST + timedelta(minutes=5)))
    assert result["summary"] == "4 windows: 3 had violations, 0 would have (0 newly, 3 no longer)."
    assert result["summary"] in capsys.readouterr().out
    bucket_name, key = result["replay"].removeprefix("s3://").split("/", 1)
    document = json.loads(s3.get_object(Bucket=bucket_name, Key=key)["Body"].read())
    assert [window["now"] for window in document["windows"]] == ["OK"] * 4
