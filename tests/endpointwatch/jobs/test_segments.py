"""The same report once more for each value of a column."""

from __future__ import annotations

import json

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.capture.tally import Tally
from endpointwatch.jobs.collect import Batch, collect
from endpointwatch.jobs.segments import Split, folder_of, most_frequent
from endpointwatch.monitors.data_quality import compute
from endpointwatch.states import Table
from endpointwatch.states.file import read

NAMES = ("region", "amount")
VALUES = st.sampled_from(["north", "south", "east", "west", "", None, "größe"])
ROWS = st.lists(st.tuples(VALUES, st.integers(-5, 5).map(str)), max_size=40)


def batch(rows, names=None):
    frame = pl.DataFrame(
        {"line": range(1, len(rows) + 1), "cells": [list(row) for row in rows]},
        schema={"line": pl.Int64, "cells": pl.List(pl.String)},
    )
    return Batch("a", frame, names)


def table(rows):
    columns = [pa.array([row[place] or None for row in rows], pa.string()) for place in range(2)]
    return compute(pa.RecordBatch.from_arrays(columns, names=NAMES))


@settings(max_examples=60)
@given(rows=ROWS, cut=st.integers(0, 40), maximum=st.integers(1, 6))
def test_every_row_is_in_exactly_one_segment_and_a_segments_state_is_that_of_its_rows_alone(rows, cut, maximum):
    split = Split("region", maximum, compute, NAMES)
    batches = [batch(rows[:cut]), batch(rows[cut:])]
    whole = collect(split.over(batches), Tally(), compute, names=NAMES)
    if not rows:
        return
    settled = split.settled(whole)
    assert settled is not None
    assert len(settled.states) <= maximum
    for value, state in settled.states.items():
        assert state == table([row for row in rows if row[0] == value])
    assert settled.missing.rows == sum(1 for row in rows if not row[0])
    others = {row[0] for row in rows if row[0]} - set(settled.states)
    assert settled.beyond.estimate == len(others)
    assert settled.other.rows == sum(1 for row in rows if row[0] in others)


def test_the_baselines_values_keep_their_place_whoever_comes_first():
    rows = [("new", "1"), ("newer", "1"), ("south", "1"), ("north", "1")]
    split = Split("region", 3, compute, NAMES, known=("north", "south"))
    whole = collect(split.over([batch(rows)]), Tally(), compute, names=NAMES)
    settled = split.settled(whole)
    assert set(settled.states) == {"new", "north", "south"}
    assert settled.other.rows == 1


def test_rows_with_names_are_parted_wherever_the_column_stands_and_however_late_another_one_appears():
    split = Split("region", 5, compute, NAMES)
    batches = [
        batch([("1", "north")], ("amount", "region")),
        batch([("2", "south", "x"), ("3", None, "y")], ("amount", "region", "late")),
        batch([("east", "4")]),
    ]
    whole = collect(split.over(batches), Tally(), compute, names=NAMES)
    settled = split.settled(whole)
    assert settled is not None
    assert {value: state.rows for value, state in settled.states.items()} == {"north": 1, "south": 1, "east": 1}
    assert {state.names for state in settled.states.values()} == {("region", "amount", "late")}
    assert (settled.missing.rows, settled.missing.columns[1].moments.total) == (1, 3.0)


def test_rows_that_the_window_does_not_analyse_give_no_segments():
    split = Split("region", 5, compute, NAMES)
    whole = collect(split.over([batch([("north", "1")]), batch([("a", "b", "c")] * 2)]), Tally(), compute, names=NAMES)
    assert whole.names == ("_c0", "_c1", "_c2")
    assert split.settled(whole) is None


def test_memory_does_not_grow_with_the_number_of_values():
    split = Split("region", 2, compute, NAMES)
    rows = [(f"value {number}", "1") for number in range(3000)]
    whole = collect(split.over([batch(rows)]), Tally(), compute, names=NAMES)
    settled = split.settled(whole)
    assert (len(settled.states), settled.other.rows) == (2, 2998)
    assert settled.beyond.estimate == pytest.approx(2998, rel=0.15)


def test_the_most_frequent_values_are_those_with_most_rows_and_then_by_text():
    frame = batch([("b", "1"), ("c", "1"), ("a", "1"), ("c", "1"), (None, "1"), ("", "1")]).frame
    assert most_frequent([(frame, NAMES)], "region", 2) == ("c", "a")


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("north", "segments/region=north"),
        ("../../etc", "segments/region=..%2F..%2Fetc"),
        ("größe 1", "segments/region=gr%C3%B6%C3%9Fe%201"),
        (None, "segments/missing"),
        ("missing", "segments/region=missing"),
    ],
)
def test_a_segments_folder_is_safe_whatever_its_value(value, folder):
    assert folder_of("region", value) == folder


def test_long_values_have_folders_of_their_own():
    one, two = (folder_of("region", "x" * 500 + end) for end in "ab")
    assert one != two
    assert max(len(one), len(two)) < 140


@pytest.fixture
def segmented(with_settings):
    def of(**told):
        return with_settings(segments={"column": "colour", "minimum_rows": 50, **told})

    return of


def moved_blue(traffic):
    """Every second row is blue; a third of these, a sixth of all, has moved far."""
    return [traffic.record(number, shift=50.0 if number % 2 and number < 200 else 0.0) for number in range(600)]


def test_one_segment_that_drifts_is_named_though_the_whole_holds(watched, traffic, segmented):
    done = watched(moved_blue(traffic), of=segmented())
    verdict = done.verdict
    assert verdict["status"] == "VIOLATIONS"
    assert verdict["violations"] == []
    assert "Segments with violations: colour=blue." in verdict["evidence"]
    red, blue = sorted(verdict["segments"]["segments"], key=lambda one: one["value"], reverse=True)
    assert (red["value"], red["status"], red["violations"], red["rows"]) == ("red", "OK", 0, 300)
    assert (blue["value"], blue["status"], blue["rows"], blue["drifted"]) == ("blue", "VIOLATIONS", 300, ["ratio"])
    place = f"data_quality/{'2026/11/01/14'}/{blue['folder']}"
    (violation, *_) = done.document(f"{place}/constraint_violations.json")["violations"]
    assert violation["feature_name"] == "ratio"
    assert done.document(f"{place}/statistics.json")["dataset"]["item_count"] == 300
    assert read(done.output / place / "state.arrow").rows == 300
    assert done.message == f"CompletedWithViolations: Job completed successfully with {blue['violations']} violations."


def test_segments_can_be_named_without_deciding(watched, traffic, segmented):
    done = watched(moved_blue(traffic), of=segmented(alarm="Disabled"))
    assert done.verdict["status"] == "OK"
    assert "colour=blue" in done.verdict["evidence"]
    assert done.message == "Completed: Job completed successfully with no violations."


def test_a_segment_with_too_few_rows_is_described_and_not_judged(watched, traffic, segmented):
    lines = [traffic.record(number) for number in range(0, 400, 2)] + [traffic.record(1, shift=99.0)]
    done = watched(lines, of=segmented())
    by_value = {one["value"]: one for one in done.verdict["segments"]["segments"]}
    assert (by_value["blue"]["status"], by_value["blue"]["violations"]) == ("TOO_FEW_ROWS", 0)
    assert done.document(f"data_quality/2026/11/01/14/{by_value['blue']['folder']}/constraint_violations.json") == {
        "violations": []
    }


def test_values_beyond_the_maximum_are_counted_and_described_together(watched, traffic, segmented):
    lines = [traffic.record(number) for number in range(400)]
    lines += [traffic.record(number).replace("red", f"shade {number % 4}") for number in range(0, 40, 2)]
    done = watched(lines, of=segmented(maximum=2))
    told = done.verdict["segments"]
    assert {one["value"] for one in told["segments"]} == {"red", "blue"}
    assert (told["other_rows"], told["other_values"]) == (20, 2)
    assert done.document("data_quality/2026/11/01/14/segments/other/statistics.json")["dataset"]["item_count"] == 20


def test_a_value_that_the_baseline_does_not_know_has_a_report_and_no_baseline(watched, traffic, segmented):
    lines = [traffic.record(number).replace("red", "green") for number in range(400)]
    done = watched(lines, of=segmented())
    by_value = {one["value"]: one for one in done.verdict["segments"]["segments"]}
    assert by_value["green"]["status"] == "NO_BASELINE"
    assert by_value["blue"]["status"] == "OK"


def test_a_baseline_has_a_part_for_each_segment_that_its_id_depends_on(learnt, segmented):
    plain, parted = learnt(), learnt(segmented())
    index = parted.document("data_quality/segments.json")
    assert [(one["value"], one["rows"]) for one in index["segments"]] == [("blue", 300), ("red", 300)]
    for one in index["segments"]:
        files = {path.name for path in (parted.output / "data_quality" / one["folder"]).iterdir()}
        assert files == {"statistics.json", "constraints.json", "state.arrow"}
    ids = {done.document("data_quality/baseline.json")["id"] for done in (plain, parted)}
    assert len(ids) == 2


def test_without_a_baseline_nothing_is_told_apart_and_the_verdict_says_so(watched, traffic, segmented):
    done = watched(traffic.lines(60), of=segmented(), baseline=False)
    assert done.verdict["status"] == "NO_BASELINE"
    assert done.verdict["segments"]["note"] == "No column is named 'colour': there is no baseline."


@pytest.mark.parametrize(
    ("lines", "status", "note"),
    [
        (lambda record: [record(1, minute=5).replace("T14:", "T03:")], "NO_DATA", "There are no rows."),
        (
            lambda record: [record(n).replace(",red", ",red,1").replace(",blue", ",blue,1") for n in range(9)],
            "SCHEMA_CHANGED",
            "No column is named 'colour': the rows have other columns than the baseline.",
        ),
    ],
)
def test_a_window_without_segments_says_why(watched, traffic, segmented, lines, status, note):
    verdict = watched(lines(traffic.record), of=segmented()).verdict
    assert (verdict["status"], verdict["segments"]["note"]) == (status, note)
    assert verdict["segments"]["segments"] == []


def test_the_same_window_twice_leaves_the_same_segments(watched, traffic, segmented):
    one, two = (watched(traffic.lines(300), of=segmented()).files() for _ in range(2))
    assert one == two
    assert json.loads(one["data_quality/2026/11/01/14/verdict.json"])["segments"]["segments"]


def test_an_empty_split_settles_with_an_empty_table():
    assert Split("region", 2, compute, NAMES).settled(Table()) is not None
