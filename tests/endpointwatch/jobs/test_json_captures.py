"""The same traffic as JSON gives the same numbers as CSV does."""

from __future__ import annotations

import json

import pytest

from endpointwatch.jobs.plan import DatasetPlan

NAMES = ("amount", "ratio", "colour")


def as_json(line: str, *, output: bool = True, without: tuple[str, ...] = (), extra=None) -> str:
    """A CSV record as a record of flat objects, its input's keys in another order."""
    record = json.loads(line)
    given, answered = record["captureData"]["endpointInput"], record["captureData"]["endpointOutput"]
    amount, ratio, colour = given["data"].strip().split(",")
    told = {"colour": colour, "amount": int(amount), "ratio": float(ratio), **(extra or {})}
    told = {key: value for key, value in told.items() if key not in without}
    given.update(data=json.dumps(told), encoding="JSON", observedContentType="application/json")
    if output:
        told = {"prediction": float(answered["data"])}
        answered.update(data=json.dumps(told), encoding="JSON", observedContentType="application/json")
    return json.dumps(record)


def numbers(job, window):
    document = job.document(f"data_quality/{window.path}/statistics.json")
    told = {}
    for feature in document["features"]:
        inner = feature.get("numerical_statistics", feature.get("string_statistics"))
        told[feature["name"]] = (feature["inferred_type"], inner["common"], inner.get("mean"), inner.get("std_dev"))
    return told


def test_flat_json_has_the_statistics_of_the_same_rows_as_csv(watched, window, traffic):
    lines = traffic.lines(500)
    by_name, by_position = watched([as_json(line) for line in lines]), watched(lines)
    assert by_name.verdict["rows"]["analysed"] == 500
    assert by_name.verdict["status"] == by_position.verdict["status"] == "OK"
    assert numbers(by_name, window) == numbers(by_position, window)
    assert list(numbers(by_name, window)) == ["prediction", *NAMES]


def test_the_same_json_gives_the_same_bytes(watched, traffic):
    lines = [as_json(line) for line in traffic.lines(200)]
    assert watched(lines).files() == watched(lines).files()


def test_callers_of_csv_and_of_json_add_up_when_the_baseline_says_which_column_is_which(watched, window, traffic):
    lines = traffic.lines(500)
    mixed = watched([as_json(line) if number % 2 else line for number, line in enumerate(lines)])
    assert mixed.verdict["rows"]["analysed"] == 500
    assert mixed.verdict["status"] == "OK"
    assert [common for _, common, *_ in numbers(mixed, window).values()] == [
        common for _, common, *_ in numbers(watched(lines), window).values()
    ]


def test_without_a_baseline_the_less_frequent_kind_is_set_aside(watched, traffic):
    lines = [as_json(line) if number < 60 else line for number, line in enumerate(traffic.lines(100))]
    verdict = watched(lines, baseline=False).verdict
    assert (verdict["rows"]["analysed"], verdict["rows"]["set_aside"]) == (60, 40)
    assert "no baseline says which is which" in verdict["set_aside"][0]["reason"]
    lines = [as_json(line) if number < 40 else line for number, line in enumerate(traffic.lines(100))]
    verdict = watched(lines, baseline=False).verdict
    assert (verdict["rows"]["analysed"], verdict["rows"]["set_aside"]) == (60, 40)


def test_a_column_that_no_row_has_is_incomplete_and_the_others_are_still_checked(watched, traffic):
    verdict = watched([as_json(line, without=("ratio",)) for line in traffic.lines(300)]).verdict
    assert [(v["feature_name"], v["constraint_check_type"]) for v in verdict["violations"]] == [
        ("ratio", "completeness_check")
    ]


def test_a_column_that_the_baseline_does_not_have_is_a_changed_schema(watched, traffic):
    verdict = watched([as_json(line, extra={"new": 1}) for line in traffic.lines(300)]).verdict
    assert verdict["status"] == "SCHEMA_CHANGED"


def test_csv_in_and_json_out_is_read_unless_awss_refusal_is_asked_for(watched, with_settings, traffic):
    lines = []
    for line in traffic.lines(300):
        record = json.loads(line)
        answer = record["captureData"]["endpointOutput"]
        answer.update(data=json.dumps({"prediction": float(answer["data"])}), encoding="JSON")
        lines.append(json.dumps(record))
    assert watched(lines).verdict["status"] == "OK"
    verdict = watched(lines, of=with_settings(aws_compatible="Enabled")).verdict
    assert verdict["status"] == "ENCODING_MIXED"
    assert "Model Monitor refuses records whose encodings differ" in verdict["evidence"]


@pytest.mark.parametrize("nested", [{"instances": [[1, 2, "red"]]}, {"person": {"age": 4}}])
def test_nested_json_gives_a_verdict_that_says_which_setting_mends_it(watched, traffic, nested):
    record = json.loads(traffic.record(1))
    record["captureData"]["endpointInput"].update(data=json.dumps(nested), encoding="JSON")
    verdict = watched([json.dumps(record)]).verdict
    assert verdict["status"] == "ENCODING_MIXED"
    assert "json_payloads" in verdict["evidence"]
    assert "json_payloads" in verdict["remedy"]


def test_a_training_set_is_the_same_from_json_as_from_csv(job, endpoint, window, traffic):
    def built(lines):
        building = job()
        building.put(traffic.path, "\n".join(lines))
        truth = [
            {"groundTruthData": {"data": str(n % 2), "encoding": "CSV"}, "eventMetadata": {"eventId": f"event-{n}"}}
            for n in range(len(lines))
        ]
        building.put("input/ground_truth/a.jsonl", "\n".join(map(json.dumps, truth)))
        assert building.run(DatasetPlan(endpoint=endpoint, windows=(window,))) == 0, building.message
        return building.files()

    lines = traffic.lines(200)
    by_name = built([as_json(line, extra={"unused": 1}) for line in lines])
    by_position = built(lines)
    rows = {
        part: sum(text.count(b"\n") for name, text in files.items() if name.endswith(".csv"))
        for part, files in (("json", by_name), ("csv", by_position))
    }
    assert rows["json"] == rows["csv"] == 203
    assert by_name["dataset.json"] == by_position["dataset.json"]
