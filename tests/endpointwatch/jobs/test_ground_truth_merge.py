"""The merge job under Model Monitor's own environment, as its monitoring schedules start it."""

from __future__ import annotations

import json

import pytest

ENVIRONMENT = {
    "dataset_format": '{"sagemakerCaptureJson":{"captureIndexNames":null}}',
    "dataset_source": "/opt/ml/processing/input_data",
    "ground_truth_source": "/opt/ml/processing/groundtruth",
    "output_path": "/opt/ml/processing/output",
    "monitoring_input_type": "ENDPOINT_INPUT",
    "start_time": "2026-11-01T13:00:00Z",
    "end_time": "2026-11-01T15:00:00Z",
}
FOLDERS = ("loans/AllTraffic/2026/11/01/13", "loans/AllTraffic/2026/11/01/14")
COMPLETED = "Completed: Job completed successfully with no violations."


def capture(number, hour=14):
    side = {"observedContentType": "text/csv", "data": "1,2", "encoding": "CSV"}
    metadata = {"eventId": f"event-{number}", "inferenceTime": f"2026-11-01T{hour}:05:00Z"}
    return json.dumps(
        {"captureData": {"endpointInput": side, "endpointOutput": side}, "eventMetadata": metadata, "eventVersion": "0"}
    )


def truth(number, data="1"):
    return json.dumps(
        {"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": {"eventId": f"event-{number}"}}
    )


@pytest.fixture
def merging(job):
    merging = job()
    merging.put(f"input_data/{FOLDERS[0]}/a.jsonl", capture(1, 13) + "\n")
    merging.put(f"input_data/{FOLDERS[1]}/b.jsonl", "\n".join([capture(2), capture(3), capture(4, 15)]))
    merging.put("groundtruth/2026/11/01/14/l.jsonl", "\n".join(map(truth, (1, 2, 4, 9))))
    return merging


def test_merged_records_lie_in_the_folders_of_their_captures_with_the_counts_above(merging):
    assert merging.run_with(ENVIRONMENT) == 0
    assert merging.message == COMPLETED
    assert set(merging.files()) == {"merge.json", *(f"{folder}/merged-00000.jsonl" for folder in FOLDERS)}
    told = merging.document("merge.json")
    assert told["captures"] == {
        "read": 4, "captures": 3, "matched": 2, "unmatched": 1, "outside_window": 1, "skipped": 0, "set_aside": 0,
    }  # fmt: skip
    assert told["labels"] == {
        "read": 4, "labels": 4, "used": 2, "duplicate": 0, "unknown": 2, "conflicting": 0, "set_aside": 0,
    }  # fmt: skip
    (record,) = (merging.output / FOLDERS[1] / "merged-00000.jsonl").read_text().splitlines()
    assert json.loads(record) == json.loads(capture(2)) | {"groundTruthData": {"data": "1", "encoding": "CSV"}}


def test_nothing_is_left_of_what_was_written_on_the_way(merging):
    merging.run_with(ENVIRONMENT)
    assert {path.name for path in (merging.base / "processing").iterdir()} == {
        "groundtruth", "input", "input_data", "output",
    }  # fmt: skip


def test_the_same_merge_twice_leaves_the_same_bytes(merging):
    merging.run_with(ENVIRONMENT)
    first = merging.files()
    merging.run_with(ENVIRONMENT)
    assert merging.files() == first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dataset_format": "csv"}, "dataset_format is 'csv'"),
        ({"dataset_format": '{"parquet":{}}'}, "'parquet' cannot be merged"),
        ({"end_time": ""}, "start_time and end_time must both be set"),
        ({"start_time": "soon"}, "is no time"),
        ({"dataset_source": "/opt/ml/processing/nowhere"}, "no such folder"),
        ({"ground_truth_source": "/opt/ml/processing/nowhere"}, "no such folder"),
        ({"ground_truth_id": "a..b"}, "keys joined by dots"),
        ({"start_time": "2026-10-01T13:00:00Z", "end_time": "2026-10-01T15:00:00Z"}, "No capture has a label"),
    ],
)
def test_what_cannot_be_merged_ends_with_the_reason(merging, change, reason):
    assert merging.run_with({**ENVIRONMENT, **change}) == 255
    assert merging.message.startswith("Error: ")
    assert reason in merging.message


def test_the_keys_of_another_label_record_may_be_named(merging):
    (merging.base / "processing/groundtruth/2026/11/01/14/l.jsonl").write_text(
        '{"inferenceId": "event-1", "actualLabel": 1}\n'
    )
    keys = {"ground_truth_id": "inferenceId", "ground_truth_data": "actualLabel"}
    assert merging.run_with({**ENVIRONMENT, **keys}) == 0
    assert merging.document("merge.json")["captures"]["matched"] == 1


@pytest.mark.parametrize(
    ("form", "rows", "data", "aside"),
    [
        (
            {"csv": {}},
            ["0.5,red,0.81,id-1,2026-11-01T14:00:00Z", '1.5,"a, b",0.2,id-2,2026-11-01T14:00:00Z', "no id"],
            ["0.5,red,0.81", '1.5,"a, b",0.2'],
            1,
        ),
        ({"csv": {"header": True}}, ["a,b,id,time", "0.5,red,id-1,now"], ["0.5,red"], 0),
        (
            {"json": {"line": True}},
            [
                '{"SageMakerOutput": {"score": 0.9}, "SageMakerInferenceId": "id-1", "SageMakerInferenceTime": "now"}',
                '{"features": [1]}',
                "{",
            ],
            ['{"SageMakerOutput":{"score":0.9}}'],
            2,
        ),
    ],
)
def test_a_batch_transforms_rows_are_merged_by_the_ids_it_generated(job, form, rows, data, aside):
    merging = job()
    merging.put("input_data/output/data.csv.out", "\n".join(rows) + "\n")
    labels = [
        json.dumps({"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": f"id-{number}"}})
        for number in (1, 2)
    ]
    merging.put("groundtruth/l.jsonl", "\n".join(labels))
    timeless = {key: value for key, value in ENVIRONMENT.items() if not key.endswith("_time")}
    assert merging.run_with({**timeless, "dataset_format": json.dumps(form)}) == 0
    records = [json.loads(line) for line in (merging.output / "output/merged-00000.jsonl").read_text().splitlines()]
    assert sorted(record["captureData"]["batchTransformOutput"]["data"] for record in records) == sorted(data)
    assert set(records[0]) == {"eventVersion", "groundTruthData", "captureData", "eventMetadata"}
    assert set(records[0]["captureData"]) == {"batchTransformOutput"}
    assert set(records[0]["eventMetadata"]) == {"eventId"}
    assert merging.document("merge.json")["captures"]["set_aside"] == aside
