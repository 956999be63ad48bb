"""The merge against records that AWS's merger wrote, and the captures and labels of one of its executions."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from endpointwatch.jobs.__main__ import main

ENDPOINT = {"sagemakerCaptureJson": {"captureIndexNames": None}}


def _merge(base, form, captures, labels):
    for name, text in (
        ("input_data/endpoint/AllTraffic/2026/11/01/14/a.jsonl", captures),
        ("groundtruth/l.jsonl", labels),
    ):
        path = base / "processing" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    environment = {
        "SAGEMAKER_BASE_DIR": str(base),
        "dataset_format": json.dumps(form),
        "dataset_source": "/opt/ml/processing/input_data",
        "ground_truth_source": "/opt/ml/processing/groundtruth",
        "output_path": "/opt/ml/processing/output",
    }
    assert main([], environment) == 0
    merged = base / "processing/output/endpoint/AllTraffic/2026/11/01/14/merged-00000.jsonl"
    return [json.loads(line) for line in merged.read_text().splitlines()]


def test_mq_churn_monitor_a_merges_to_1892_records_and_repeated_labels_multiply_none(fixtures, tmp_path):
    folder = fixtures / "mq-churn-monitor-a"
    captures, labels = ((folder / f"{name}.jsonl").read_text() for name in ("capture", "ground_truth"))
    found = _merge(tmp_path, ENDPOINT, captures, labels)
    assert len(found) == 1892
    lines = [json.loads(line) for line in captures.splitlines()]
    ids = Counter(line["eventMetadata"]["inferenceId"] for line in lines)
    assert Counter(record["eventMetadata"]["inferenceId"] for record in found) == ids
    truth = {told["eventMetadata"]["eventId"]: told["groundTruthData"] for told in map(json.loads, labels.splitlines())}
    assert all(record["groundTruthData"] == truth[record["eventMetadata"]["inferenceId"]] for record in found)


def test_an_endpoints_merged_record_is_the_one_that_aws_wrote(fixtures, tmp_path):
    expected = json.loads((fixtures / "capture-samples/merged_endpoint_record.json").read_bytes())
    capture = {key: value for key, value in expected.items() if key != "groundTruthData"}
    label = {"groundTruthData": expected["groundTruthData"], "eventMetadata": {"eventId": "95"}, "eventVersion": "0"}
    assert _merge(tmp_path, ENDPOINT, json.dumps(capture), json.dumps(label)) == [expected]


@pytest.mark.parametrize("form", ["csv", "jsonlines"])
def test_a_batch_transforms_merged_record_is_the_one_that_aws_wrote(fixtures, tmp_path, form):
    expected = json.loads((fixtures / f"capture-samples/merged_batch_{form}_record.json").read_bytes())
    data, identity = expected["captureData"]["batchTransformOutput"]["data"], expected["eventMetadata"]["eventId"]
    # What the transform wrote, from the rule that AWS documents for GenerateInferenceId.
    row = f"{data},{identity},2026-11-01T14:00:00Z"
    if form == "jsonlines":
        row = json.dumps({**json.loads(data), "SageMakerInferenceId": identity, "SageMakerInferenceTime": "x"})
    label = {"groundTruthData": expected["groundTruthData"], "eventMetadata": {"eventId": identity}}
    kind = {"csv": {}} if form == "csv" else {"json": {"line": True}}
    assert _merge(tmp_path, kind, row, json.dumps(label)) == [expected]
