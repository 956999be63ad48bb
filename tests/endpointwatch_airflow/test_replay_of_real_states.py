"""Jobs over stored states that really run: states in S3, the analyzer's image. A replay, and a rolling baseline."""

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
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.judgement import Subject, judge
from endpointwatch.reports.verdict import Verdict
from endpointwatch.states import Table
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator
from endpointwatch_airflow.operators.replay import ReplayOperator

pytestmark = pytest.mark.pocketaws
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"
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
    write_report(folder / "baselines" / "v1" / "data_quality", learnt, settings)
    for hour in range(6):
        window = Window.of(LAST - (6 - hour) * HOUR, LAST - (5 - hour) * HOUR)
        seen = state(300 if hour >= 3 else 0)
        findings = data_quality.check(seen, baseline, settings)
        subject = Subject("loans", "data_quality", window, "v1")
        verdict = judge(subject, Tally(analysed=seen.rows), findings, minimum_rows=1)
        place = folder / "data_quality" / window.path
        write_report(place, seen, settings, verdict.violations)
        (place / "verdict.json").write_text(verdict.to_json(), encoding="utf-8")


@pytest.fixture
def bucket(pocketaws, monkeypatch, tmp_path):
    """A bucket of the local AWS with the results of :func:`results`."""
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)
    name = f"replay-{uuid4().hex[:8]}"
    s3 = pocketaws.client("s3")
    s3.create_bucket(Bucket=name)
    results(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            s3.put_object(Bucket=name, Key=f"results/loans/{path.relative_to(tmp_path)}", Body=path.read_bytes())
    return name


def test_a_window_is_held_against_stored_states_and_read_by_a_script(pocketaws, bucket):
    s3 = pocketaws.client("s3")
    lines = "".join(
        json.dumps(
            {
                "captureData": {
                    "endpointInput": {"data": f"{number * 37 % 997 + 300}", "encoding": "CSV", "mode": "INPUT"}
                },
                "eventMetadata": {"eventId": str(number), "inferenceTime": "2026-03-01T15:10:00Z"},
                "eventVersion": "0",
            }
        )
        + "\n"
        for number in range(400)
    )
    script = "def preprocess_handler(record):\n    return {'amount': record.endpoint_input.data}\n"
    deployed = Deployment(endpoint="loans", model_version="v1", in_service_from=LAST - 10 * HOUR, endpoint_config="c")
    files = {
        "capture/loans/AllTraffic/2026/03/01/15/00-00.jsonl": lines,
        "scripts/before.py": script,
        "results/loans/deployments/20260301T05-v1.json": deployed.to_json(),
        "results/loans/baselines/v1/data_quality/baseline.json": json.dumps({"id": "learnt"}),
    }
    for key, text in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    watched = endpoint(
        results_uri=f"s3://{bucket}/results",
        capture={"destination_uri": f"s3://{bucket}/capture"},
        job={"image_uri": IMAGE},
        monitors=[
            {
                "kind": "data_quality",
                "baseline": {"kind": "rolling", "windows": 3, "minimum_windows": 3},
                "record_preprocessor_script": f"s3://{bucket}/scripts/before.py",
            }
        ],
    )
    task: Any = RunMonitorsOperator(task_id="run", endpoint=watched, retries=2, aws_conn_id=None, waiter_delay=1)
    params = {"window_start": "2026-03-01T15:00:00Z", "window_end": "2026-03-01T16:00:00Z"}
    result = task.execute(context(task, params=params, run_after=LAST + timedelta(hours=1)))
    # Far from the learnt baseline, but as the last three hours were.
    assert result["statuses"] == {"data_quality": "OK"}
    body = s3.get_object(Bucket=bucket, Key="results/loans/data_quality/2026/03/01/15/verdict.json")["Body"]
    verdict = Verdict.model_validate_json(body.read())
    assert verdict.reference is not None
    assert verdict.reference.windows == ("2026/03/01/12", "2026/03/01/13", "2026/03/01/14")
    assert (verdict.rows.analysed, [one.feature_name for one in verdict.distances]) == (400, ["amount"])


def test_a_replay_runs_as_a_job_over_the_states_in_s3(pocketaws, bucket, capsys):
    s3 = pocketaws.client("s3")
    watched = endpoint(results_uri=f"s3://{bucket}/results", job={"image_uri": IMAGE})
    task: Any = ReplayOperator(task_id="replay", endpoint=watched, retries=2, aws_conn_id=None, waiter_delay=1)
    params = {"last_windows": 4, "comparison_threshold": 0.9}
    result = task.execute(context(task, params=params, run_after=LAST + timedelta(minutes=5)))
    assert result["summary"] == "4 windows: 3 had violations, 0 would have (0 newly, 3 no longer)."
    assert result["summary"] in capsys.readouterr().out
    bucket_name, key = result["replay"].removeprefix("s3://").split("/", 1)
    document = json.loads(s3.get_object(Bucket=bucket_name, Key=key)["Body"].read())
    assert [window["now"] for window in document["windows"]] == ["OK"] * 4
