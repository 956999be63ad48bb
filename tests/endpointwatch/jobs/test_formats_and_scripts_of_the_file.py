"""Data-set formats and scripts that an endpoint's file names, in planned jobs."""

from __future__ import annotations

import io
import json
import textwrap

import polars as pl
import pytest

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.container import FINAL
from endpointwatch.jobs.plan import BaselinePlan, MonitorPlan

PLACE = "data_quality/2026/11/01/14"
BEFORE, AFTER = "s3://bucket/scripts/before.py", "s3://bucket/scripts/after.py"
BY_KEY = """
    import json

    def preprocess_handler(record):
        if isinstance(record, str):
            cells = record.split(",")[1:]
        elif isinstance(record, dict):
            cells = [record["amount"], record["ratio"], record["colour"]]
        else:
            cells = record.endpoint_input.data.strip().split(",")
        amount, ratio, colour = cells
        return {"colour": colour, "amount": amount, "double": float(ratio) * 2}
"""


@pytest.fixture
def frame(traffic):
    return pl.read_csv(io.StringIO(traffic.dataset()))


def parquet(frame):
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def with_format(endpoint, form):
    return Endpoint.model_validate({**endpoint.model_dump(mode="json"), "baseline_dataset_format": form})


def learn(job, endpoint, content, script=None):
    baseline = job()
    baseline.put("input/dataset/data", content)
    if script:
        baseline.put("code/preprocessing/before.py", textwrap.dedent(script))
    plan = BaselinePlan(
        endpoint=endpoint, monitors=("data_quality",), model_version="v1", dataset_uri="s3://bucket/data",
        learned_at="2026-11-01T00:00:00Z",
    )  # fmt: skip
    baseline.code = baseline.run(plan)
    return baseline


@pytest.mark.parametrize(
    ("form", "write"),
    [
        ("json_lines", lambda frame: frame.write_ndjson()),
        ("json", lambda frame: json.dumps(frame.to_dicts())),
        ("parquet", parquet),
    ],
)
def test_a_baseline_is_the_same_in_whatever_format_its_data_set_is_written(job, endpoint, frame, form, write):
    by_csv = learn(job, endpoint, frame.write_csv())
    other = learn(job, with_format(endpoint, form), write(frame))
    assert other.code == 0, other.message
    for file in ("statistics", "constraints"):
        one, two = (done.document(f"data_quality/{file}.json") for done in (by_csv, other))
        assert [f["name"] for f in one["features"]] == [f["name"] for f in two["features"]]
        assert [f["inferred_type"] for f in one["features"]] == [f["inferred_type"] for f in two["features"]]
    ours, theirs = (done.document("data_quality/statistics.json")["features"][1] for done in (by_csv, other))
    assert ours == theirs


def test_csv_without_a_header_has_columns_by_position(job, endpoint, frame):
    done = learn(job, with_format(endpoint, "csv_without_header"), frame.write_csv(include_header=False))
    assert [f["name"] for f in done.document("data_quality/constraints.json")["features"]] == [
        "_c0",
        "_c1",
        "_c2",
        "_c3",
    ]
    assert done.document("data_quality/statistics.json")["dataset"]["item_count"] == 600


@pytest.mark.parametrize("form", ["csv", "json_lines"])
def test_a_script_makes_the_rows_of_baseline_and_window_alike(job, traffic, with_settings, frame, window, form):
    endpoint = with_format(with_settings(record_preprocessor_script=BEFORE), form)
    content = frame.write_csv() if form == "csv" else frame.write_ndjson()
    baseline = learn(job, endpoint, content, BY_KEY)
    assert baseline.code == 0, baseline.message
    features = baseline.document("data_quality/constraints.json")["features"]
    assert [f["name"] for f in features] == ["amount", "colour", "double"]
    monitoring = job()
    monitoring.put(traffic.path, "\n".join(traffic.lines(400)))
    monitoring.put("code/preprocessing/before.py", textwrap.dedent(BY_KEY))
    for path, text in baseline.files().items():
        monitoring.put(f"baseline/{path}", text)
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("data_quality",), model_version="v1")
    assert monitoring.run(plan) == 0, monitoring.message
    assert monitoring.verdict["status"] == "OK"
    assert monitoring.verdict["rows"]["analysed"] == 400
    assert {one["feature_name"] for one in monitoring.verdict["distances"]} == {"amount", "colour", "double"}


def test_a_script_may_make_the_rows_of_segments_too(job, with_settings, frame):
    endpoint = with_settings(record_preprocessor_script=BEFORE, segments={"column": "colour"})
    done = learn(job, endpoint, frame.write_csv(), BY_KEY)
    assert done.code == 0, done.message
    index = done.document("data_quality/segments.json")
    assert [(one["value"], one["rows"]) for one in index["segments"]] == [("blue", 300), ("red", 300)]


def test_the_script_after_the_report_finds_the_report(job, traffic, with_settings, window):
    monitoring = job()
    monitoring.put(traffic.path, "\n".join(traffic.lines(20)))
    script = """
        import os, pathlib

        def postprocess_handler():
            folder = pathlib.Path(os.environ["output_path"])
            (folder / "names.txt").write_text(" ".join(sorted(path.name for path in folder.iterdir())))
    """
    monitoring.put("code/postprocessing/after.py", textwrap.dedent(script))
    endpoint = with_settings(post_analytics_processor_script=AFTER)
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("data_quality",), model_version="v1")
    assert monitoring.run(plan) == 0, monitoring.message
    assert (monitoring.output / PLACE / "names.txt").read_text() == (
        "constraint_violations.json constraints.json state.arrow statistics.json verdict.json"
    )


def test_a_script_is_given_no_parquet(job, with_settings, frame):
    done = learn(job, with_format(with_settings(record_preprocessor_script=BEFORE), "parquet"), parquet(frame), BY_KEY)
    assert done.code == 255
    assert "a script is given the lines of csv" in done.message


def test_a_planned_job_says_when_another_try_would_fail_as_well(job, traffic, with_settings, window):
    monitoring = job()
    monitoring.put(traffic.path, "\n".join(traffic.lines(5)))
    endpoint = with_settings(record_preprocessor_script=BEFORE)
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("data_quality",), model_version="v1")
    assert monitoring.run(plan) == 255
    assert "before.py cannot be run" in monitoring.message
    assert monitoring.message.endswith(FINAL)
    assert len(monitoring.message.encode()) <= 1024
