"""The same rows in every format of Model Monitor's contract give the same statistics."""

from __future__ import annotations

import gzip
import io
import json

import polars as pl
import pytest

INPUT = "input/data"
ENVIRONMENT = {
    "dataset_source": f"/opt/ml/processing/{INPUT}",
    "output_path": "/opt/ml/processing/output",
    "publish_cloudwatch_metrics": "Disabled",
}


def analysed(job, files, form, **environment):
    run = job()
    for name, content in files.items():
        run.put(f"{INPUT}/{name}", content)
    assert run.run_with({**ENVIRONMENT, "dataset_format": json.dumps(form), **environment}) == 0, run.message
    return run


@pytest.fixture
def frame(traffic):
    return pl.read_csv(io.StringIO(traffic.dataset(300)))


@pytest.fixture
def as_csv(job, frame):
    return analysed(job, {"a.csv": frame.write_csv()}, {"csv": {"header": True}}).files()


def parquet(frame):
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


FORMATS = {
    "csv, compressed": ("a.csv.gz", lambda f: gzip.compress(f.write_csv().encode()), {"csv": {"header": True}}),
    "json lines": ("a.jsonl", lambda f: f.write_ndjson(), {"json": {"lines": True}}),
    "json lines, as the SDK spells it": ("a.jsonl", lambda f: f.write_ndjson(), {"json": {"line": "true"}}),
    "json array": ("a.json", lambda f: json.dumps(f.to_dicts()), {"json": {}}),
    "json lines, compressed": (
        "a.json.gz",
        lambda f: gzip.compress(f.write_ndjson().encode()),
        {"json": {"Line": True}},
    ),
    "parquet": ("a.parquet", parquet, {"parquet": {}}),
}


@pytest.mark.parametrize(("file", "write", "form"), FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_files_to_the_byte(job, frame, as_csv, file, write, form):
    assert analysed(job, {file: write(frame)}, form).files() == as_csv


def test_a_batch_transforms_manifest_is_no_row(job, frame, as_csv):
    manifest = json.dumps([{"prefix": "s3://bucket/in/"}, "a.csv"])
    files = {"2026/11/01/14/m.json": manifest, "in/a.csv": frame.write_csv()}
    assert analysed(job, files, {"csv": {"header": True}}).files() == as_csv


@pytest.mark.parametrize("form", ["sagemakerCaptureJson", "sagemakerMergeJson"])
def test_the_outputs_columns_stand_at_the_end_when_asked_and_a_merged_label_is_no_column(job, traffic, form):
    lines = [json.dumps({**json.loads(line), "groundTruthData": {"data": "1"}}) for line in traffic.lines(50)]
    kinds = {}
    for position in ("START", "END"):
        options = {"captureIndexNames": None, "output_columns_position": position}
        run = analysed(job, {"a.jsonl": "\n".join(lines)}, {form: options})
        kinds[position] = [feature["inferred_type"] for feature in run.document("statistics.json")["features"]]
    assert kinds == {
        "START": ["Fractional", "Integral", "Fractional", "String"],
        "END": ["Integral", "Fractional", "String", "Fractional"],
    }


def test_merged_records_of_one_side_only_are_asked_for_by_name(job, traffic):
    form = {"sagemakerMergeJson": {"captureIndexNames": ["endpointOutput"]}}
    run = analysed(job, {"a.jsonl": "\n".join(traffic.lines(20))}, form)
    assert [feature["name"] for feature in run.document("statistics.json")["features"]] == ["_c0"]


def test_json_without_a_key_that_the_baseline_knows_is_incomplete(job, frame):
    baseline = analysed(job, {"a.csv": frame.write_csv()}, {"csv": {"header": True}})
    check = job()
    for name in ("constraints", "statistics"):
        check.put(f"baseline/{name}.json", (baseline.output / f"{name}.json").read_bytes())
    check.put(f"{INPUT}/a.jsonl", frame.drop("ratio").write_ndjson())
    environment = {
        **ENVIRONMENT,
        "dataset_format": json.dumps({"json": {"lines": True}}),
        "baseline_constraints": "/opt/ml/processing/baseline/constraints.json",
        "baseline_statistics": "/opt/ml/processing/baseline/statistics.json",
    }
    assert check.run_with(environment) == 0
    (violation,) = check.document("constraint_violations.json")["violations"]
    assert (violation["feature_name"], violation["constraint_check_type"]) == ("ratio", "completeness_check")
