"""Real capture and ground-truth files in the encodings that SageMaker writes."""

from __future__ import annotations

import csv
import json

import pytest

from endpointwatch.capture.records import records
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading, captured_rows
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.config.ground_truth import LabelRecord
from endpointwatch.jobs.scripts import InferenceRecord
from endpointwatch.merge.join import last_delivered
from endpointwatch.merge.labels import labels


@pytest.mark.parametrize(
    ("file", "encoding", "count"),
    [("csv_endpoint.jsonl", "CSV", 9), ("json_endpoint.jsonl", "JSON", 2), ("jsonlines_endpoint.jsonl", "JSON", 2)],
)
def test_every_captured_line_is_a_record_with_both_sides_ids_and_time(fixtures, file, encoding, count):
    ((frame, malformed),) = records(fixtures / "capture-samples" / file)
    assert malformed == []
    assert frame.height == count
    assert "inference_id" in frame.columns
    for column in ("input_data", "output_data", "input_type", "output_type", "event_id", "inference_time"):
        assert frame[column].null_count() == 0, column
    assert set(frame["input_encoding"]) == set(frame["output_encoding"]) == {encoding}


def test_captured_csv_becomes_rows_of_cells_without_a_fault(fixtures):
    tally = Tally()
    (part,) = captured_rows(fixtures / "capture-samples" / "csv_endpoint.jsonl", tally)
    assert part.frame.height == 9
    assert part.frame["output"].list.len().unique().to_list() == [1]
    assert part.frame["input"].list.len().n_unique() == 1
    assert not tally.listed


def test_one_record_of_json_lines_may_hold_several_requests(fixtures):
    ((frame, _),) = records(fixtures / "capture-samples" / "jsonlines_endpoint.jsonl")
    assert [len(data.splitlines()) for data in frame["input_data"]] == [1, 2]
    assert [len(data.splitlines()) for data in frame["output_data"]] == [1, 2]


def test_nested_json_is_set_aside_until_the_settings_say_where_the_rows_stand(fixtures):
    source = fixtures / "capture-samples" / "json_endpoint.jsonl"
    tally = Tally()
    for part in captured_rows(source, tally):
        assert part.frame.is_empty()
    assert tally.kinds == {"nested": 2}
    assert "under the monitor's `json_payloads` set `output_rows: predictions`" in tally.listed[0].reason
    selection = JsonPayloads(input_rows="instances", output_rows="predictions")
    (part,) = captured_rows(source, tally := Tally(), Reading(json_payloads=selection))
    assert part.cells(("output", "input"))["cells"].to_list() == [["3.5", "1.0"], ["4.0", "2.0"], ["5.5", "5.0"]] * 2
    assert not tally.listed


def test_json_lines_are_a_row_a_line(fixtures):
    selection = JsonPayloads(input_columns="features", output_columns="[predicted_label, score]")
    source = fixtures / "capture-samples" / "jsonlines_endpoint.jsonl"
    (part,) = captured_rows(source, tally := Tally(), Reading(json_payloads=selection))
    assert part.frame["row"].to_list() == [0, 0, 1]
    assert part.frame["output"].to_list()[0] == ["1", "0.989977359771728"]
    assert part.frame["input"].list.len().to_list() == [14] * 3
    assert not tally.listed


def test_one_json_document_explodes_into_its_instances(fixtures, tmp_path):
    folder = fixtures / "bias-adult-monitor-batch-json"
    document = (folder / "batch_output.json").read_text(encoding="utf-8")
    side = {"observedContentType": "application/json", "data": document, "encoding": "JSON"}
    line = {"captureData": {"endpointInput": side, "endpointOutput": side}, "eventMetadata": {"eventId": "1"}}
    (tmp_path / "a.jsonl").write_text(json.dumps(line), encoding="utf-8")
    selection = JsonPayloads(
        input_rows="instances",
        input_columns="features",
        output_rows="SageMakerOutput.predictions",
        output_columns="predicted_label",
    )
    (part,) = captured_rows(tmp_path, Tally(), Reading(json_payloads=selection))
    with (folder / "rows.csv").open(encoding="utf-8", newline="") as file:
        header, *told = list(csv.reader(file))
    assert part.frame.height == len(told) == 334
    rows = [[float(cell) for cell in cells] for cells in part.cells(("input", "output"))["cells"].to_list()]
    assert rows == [[float(cell) for cell in row[: len(rows[0])]] for row in told], header


def test_ground_truth_records_are_labels_by_inference(fixtures, tmp_path):
    source = fixtures / "capture-samples" / "ground_truth_csv.jsonl"
    (tmp_path / source.name).symlink_to(source)
    tally = Tally()
    (found,) = labels(tmp_path, LabelRecord(), tally)
    assert (found.height, last_delivered(found).height) == (20, 20)
    assert set(found["data"]) <= {"0", "1"}
    assert set(found["encoding"]) == {"CSV"}
    assert not tally.listed


def test_a_merged_record_holds_its_label_beside_the_capture(fixtures, tmp_path):
    merged = json.loads((fixtures / "capture-samples" / "merged_endpoint_record.json").read_bytes())
    assert set(merged) == {"eventVersion", "groundTruthData", "captureData", "eventMetadata"}
    (tmp_path / "merged.jsonl").write_text(json.dumps(merged) + "\n", encoding="utf-8")
    ((frame, malformed),) = records(tmp_path / "merged.jsonl")
    assert malformed == []
    assert frame["truth_data"].to_list() == [merged["groundTruthData"]["data"]]
    assert frame["inference_id"].to_list() == ["95"]


@pytest.mark.parametrize(("file", "label"), [("csv", "1"), ("jsonlines", '{"label": 1}')])
def test_a_merged_record_of_a_batch_transform_is_read_by_a_script_with_its_label_and_its_output_alone(
    fixtures, file, label
):
    merged = json.loads((fixtures / "capture-samples" / f"merged_batch_{file}_record.json").read_bytes())
    assert set(merged) == {"eventVersion", "groundTruthData", "captureData", "eventMetadata"}
    assert set(merged["captureData"]) == {"batchTransformOutput"}
    record = InferenceRecord.of(merged)
    assert (record.endpoint_input, record.endpoint_output) == (None, None)
    assert record.batch_transform_output.data == merged["captureData"]["batchTransformOutput"]["data"]
    assert record.ground_truth.data == label
