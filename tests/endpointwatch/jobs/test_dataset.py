from __future__ import annotations

import csv
import hashlib
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.config.ground_truth import GroundTruth
from endpointwatch.config.training import Recipe
from endpointwatch.jobs.dataset import part_of
from endpointwatch.jobs.plan import DatasetPlan, Excluded

TRUTH = "input/ground_truth/2026/11/01/15/labels.jsonl"


def truth(identity: str, label: object) -> str:
    data = json.dumps(label) if isinstance(label, dict) else str(label)
    return json.dumps(
        {
            "groundTruthData": {"data": data, "encoding": "CSV"},
            "eventMetadata": {"eventId": identity},
            "eventVersion": "0",
        }
    )


def build(job, endpoint, window, lines, labels, path, *, expect=0, extra=None):
    building = job()
    building.put(path, "".join(f"{line}\n" for line in lines))
    building.put(TRUTH, "".join(f"{line}\n" for line in labels))
    for where, content in (extra or {}).items():
        building.put(where, content)
    assert building.run(DatasetPlan(endpoint=endpoint, windows=(window,))) == expect, building.message
    return building


def rows(job, part):
    text = (job.output / part / f"{part}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def test_captures_meet_their_labels_and_every_row_is_accounted_for(job, endpoint, window, traffic):
    lines = [*traffic.lines(200), traffic.record(7), "{broken", traffic.record(3).replace("T14:", "T16:")]
    labels = [truth(f"event-{number}", number % 2) for number in range(150)]
    built = build(job, endpoint, window, lines, [*labels, truth("nobody", 1), truth("event-0", 1)], traffic.path)
    about = built.document("dataset.json")
    assert about["rows"] == {"read": 203, "analysed": 201, "set_aside": 1, "outside_window": 1, "skipped": 0}
    assert about["labels"] == {
        "read": 152,
        "used": 150,
        "duplicate": 0,
        "unknown": 1,
        "conflicting": 1,
        "set_aside": 0,
    }
    assert (about["labelled"], about["unlabelled"], about["duplicates"], about["mismatched"]) == (150, 50, 1, 0)
    assert sum(about["parts"].values()) == 150
    together = [row for part in about["parts"] for row in rows(built, part)]
    assert list(together[0]) == ["approved", "amount", "ratio", "colour"]
    assert sum(row["approved"] == "1" for row in together) == 76  # 75 odd ones, and event-0 corrected to 1
    assert about["label_values"] == {"0": 74, "1": 76}


def test_the_last_label_delivered_wins(job, endpoint, window, traffic):
    labels = [truth(f"event-{number}", 0) for number in range(100)]
    later = "".join(truth(f"event-{number}", 1) + "\n" for number in range(100))
    built = build(
        job,
        endpoint,
        window,
        traffic.lines(100),
        labels,
        traffic.path,
        extra={"input/ground_truth/2026/11/02/09/corrected.jsonl": later},
    )
    assert built.document("dataset.json")["label_values"] == {"1": 100}


def test_the_callers_inference_id_is_the_key_where_there_is_one(job, endpoint, window, traffic):
    lines = [traffic.record(number, inferenceId=f"order-{number}") for number in range(100)]
    labels = [truth(f"order-{number}", {"approved": 1}) for number in range(100)]
    assert build(job, endpoint, window, lines, labels, traffic.path).document("dataset.json")["labelled"] == 100


def test_a_request_of_many_rows_takes_as_many_labels(job, endpoint, window, traffic):
    lines = []
    for number in range(40):
        line = json.loads(traffic.record(number))
        line["captureData"]["endpointInput"]["data"] = "1,2,red\n3,4,blue\n"
        line["captureData"]["endpointOutput"]["data"] = "0.1\n0.2\n"
        lines.append(json.dumps(line))
    labels = [truth(f"event-{number}", ("0\n1", "0,1", "1")[number % 3]) for number in range(40)]
    about = build(job, endpoint, window, lines, labels, traffic.path).document("dataset.json")
    assert (about["labelled"], about["mismatched"], about["rows"]["set_aside"]) == (54, 26, 26)
    assert "groundTruthData is '1', which is not one label for each of 2 row(s)" in about["set_aside"][0]["reason"]
    assert about["label_values"] == {"0": 27, "1": 27}


def test_labels_that_are_a_json_list_are_shared_out_among_the_rows_of_their_request(job, endpoint, window, traffic):
    lines = []
    for number in range(30):
        line = json.loads(traffic.record(number))
        line["captureData"]["endpointInput"]["data"] = "1,2,red\n3,4,blue\n"
        lines.append(json.dumps(line))
    labels = [truth(f"event-{number}", "[0, 1]") for number in range(30)]
    built = build(job, endpoint, window, lines, labels, traffic.path)
    together = [row for part in ("train", "validation", "test") for row in rows(built, part)]
    assert {(row["colour"], row["approved"]) for row in together} == {("red", "0"), ("blue", "1")}
    assert len(together) == 60


def test_a_row_set_aside_for_its_width_does_not_move_the_labels_of_the_others(job, endpoint, window, traffic):
    lines = []
    for number in range(30):
        line = json.loads(traffic.record(number))
        line["captureData"]["endpointInput"]["data"] = "1,2\n1,2,red\n3,4,blue\n"
        lines.append(json.dumps(line))
    labels = [truth(f"event-{number}", "9,0,1") for number in range(30)]
    built = build(job, endpoint, window, lines, labels, traffic.path)
    assert built.document("dataset.json")["label_values"] == {"0": 30, "1": 30}
    assert built.document("dataset.json")["rows"]["set_aside"] == 30


def test_label_records_of_the_endpoints_own_form_make_a_data_set(job, endpoint, window, traffic):
    record = {"id": "inferenceId", "data": "actualLabel"}
    own = endpoint.model_copy(
        update={"ground_truth": GroundTruth.model_validate({"uri": "s3://bucket/labels", "record": record})}
    )
    labels = [json.dumps({"inferenceId": f"event-{number}", "actualLabel": number % 2}) for number in range(60)]
    about = build(job, own, window, traffic.lines(60), labels, traffic.path).document("dataset.json")
    assert (about["labelled"], about["labels"]["set_aside"]) == (60, 0)


def test_too_few_labelled_rows_fail_the_job_with_the_counts(job, endpoint, window, traffic):
    labels = [truth(f"event-{number}", 1) for number in range(19)]
    built = build(job, endpoint, window, traffic.lines(100), labels, traffic.path, expect=255)
    assert "19 labelled rows in 1 windows, fewer than training.minimum_rows = 20 (81 captured rows have no label" in (
        built.message
    )
    assert not built.output.exists()


def test_the_same_data_set_twice_has_the_same_bytes(job, endpoint, window, traffic):
    labels = [truth(f"event-{number}", number % 2) for number in range(100)]
    one, two = (build(job, endpoint, window, traffic.lines(100), labels, traffic.path).files() for _ in range(2))
    assert one == two


@given(st.text(max_size=20), st.floats(0.01, 0.5), st.floats(0.01, 0.4))
def test_an_id_never_leaves_the_test_part_when_that_grows(identity, test_share, validation_share):
    part = part_of(identity, test_share, validation_share)
    if part == "test":
        assert part_of(identity, test_share + 0.1, validation_share) == "test"


@pytest.mark.parametrize(("part", "share"), [("test", 0.25), ("validation", 0.15), ("train", 0.6)])
def test_the_parts_have_the_shares_that_were_asked_for(part, share):
    found = sum(part_of(f"id-{number}", 0.25, 0.15) == part for number in range(20_000)) / 20_000
    assert found == pytest.approx(share, abs=0.015)


def with_recipe(endpoint, **recipe):
    return endpoint.model_copy(update={"training": endpoint.training.model_copy(update={"recipe": Recipe(**recipe)})})


def test_the_manifest_says_what_the_parts_were_made_of(job, endpoint, window, traffic):
    initial = {
        f"input/initial/{part}/{part}.csv": "approved,amount,ratio,colour\n" + "1,500,0.5,green\n" * count
        for part, count in (("train", 300), ("validation", 5))
    }
    labels = [truth(f"event-{number}", number % 2) for number in range(150)]
    mixed = with_recipe(endpoint, recent_share=0.5, maximum_rows_per_window=120, maximum_rows=100)
    built = build(job, mixed, window, traffic.lines(200), labels, traffic.path, extra=initial)
    made_of = built.document("manifest.json")
    assert made_of["windows"] == [{**window.model_dump(mode="json"), "labelled": 150, "kept": 120}]
    parts = made_of["parts"]
    assert (parts["train"]["recent"], parts["train"]["original"]) == (50, 50)
    assert parts["validation"]["original"] == 5  # all there are
    assert parts["test"]["original"] == 0
    for name, part in parts.items():
        content = (built.output / name / f"{name}.csv").read_bytes()
        assert part["sha256"] == hashlib.sha256(content).hexdigest()
        assert part["rows"] == len(rows(built, name)) == built.document("dataset.json")["parts"][name]
        assert sum(row["colour"] == "green" for row in rows(built, name)) == part["original"]
    assert [one["rows"] for one in made_of["sources"]["initial_files"]["train"]] == [300]
    assert made_of["recipe"]["seed"] == 0


def test_the_manifest_says_which_windows_were_left_out(job, endpoint, window, traffic):
    building = job()
    building.put(traffic.path, "".join(f"{line}\n" for line in traffic.lines(100)))
    building.put(TRUTH, "".join(truth(f"event-{number}", number % 2) + "\n" for number in range(100)))
    left_out = Excluded(window=window.shifted(-1), reason="data_quality: SCHEMA_CHANGED")
    plan = DatasetPlan(endpoint=endpoint, windows=(window,), excluded=(left_out,), captures_manifest="c")
    assert building.run(plan) == 0, building.message
    made_of = building.document("manifest.json")
    assert made_of["excluded"] == [left_out.model_dump(mode="json")]
    assert made_of["sources"]["captures_sha256"] == "c"
    assert made_of["sources"]["initial_dataset_uri"] is None
