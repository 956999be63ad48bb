"""What holds of every merge, whatever the captures and the labels are."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.config.window import Window

IDS = st.sampled_from(["a", "b", "order-1", "order-2", "é", 'quo"te', "nobody-1", "nobody-2"])
CAPTURES = st.lists(st.tuples(IDS.filter(lambda name: not name.startswith("nobody")), st.integers(0, 3)), max_size=12)
#: Labels with the hour in which they became known; within an hour an id has one label.
LABELS = st.dictionaries(st.tuples(IDS, st.integers(0, 3)), st.sampled_from(["0", "1", "x,y"]), max_size=16)
FEW = settings(max_examples=20, deadline=None)


def hour(number):
    return f"2026/11/01/{number:02d}"


@FEW
@given(captures=CAPTURES, labels=LABELS, data=st.data())
def test_any_order_split_and_duplication_of_the_same_labels_merges_to_the_same_bytes(
    merged, capture, label, captures, labels, data
):
    lines = [capture(name, score=score) for name, score in captures]
    plain = {f"{hour(at)}/all.jsonl": [] for _, at in labels}
    for (name, at), text in sorted(labels.items()):
        plain[f"{hour(at)}/all.jsonl"].append(label(name, text))
    scattered: dict[str, list[str]] = {}
    for (name, at), text in data.draw(st.permutations(sorted(labels.items()))):
        for _ in range(data.draw(st.integers(1, 3))):
            file = f"{hour(at)}/{data.draw(st.sampled_from('abc'))}.jsonl"
            scattered.setdefault(file, []).append(label(name, text))
    other = data.draw(st.permutations(lines))
    cut = data.draw(st.integers(0, len(lines)))
    once = merged({"one.jsonl": lines}, plain)
    again = merged(
        {"x/1.jsonl": other[:cut], "x/2.jsonl": other[cut:]},
        scattered,
        part_bytes=data.draw(st.sampled_from([700, 10**9])),
    )
    assert again.files == once.files
    assert again.told.captures == once.told.captures
    assert (again.told.labels.used, again.told.labels.unknown) == (once.told.labels.used, once.told.labels.unknown)
    assert again.told.coverage == once.told.coverage
    # A copy that agrees with the last label is a duplicate; those of overruled labels are conflicts, as they are.
    copies = sum(map(len, scattered.values())) - len(labels)
    assert again.told.labels.labels == once.told.labels.labels + copies


@FEW
@given(captures=CAPTURES, labels=st.lists(st.tuples(IDS, st.sampled_from(["0", "1"]), st.integers(0, 2)), max_size=16))
def test_nothing_is_lost_and_the_last_label_delivered_wins(merged, capture, label, captures, labels):
    files: dict[str, list[str]] = {hour(number) + "/labels.jsonl": [] for number in range(3)}
    for name, text, at in labels:
        files[hour(at) + "/labels.jsonl"].append(label(name, text))
    outcome = merged({"c.jsonl": [capture(name, score=score) for name, score in captures]}, files)
    last = {name: text for name, text, _ in sorted(labels, key=lambda told: told[2])}
    told = outcome.told
    assert told.captures.captures == told.captures.matched + told.captures.unmatched == len(captures)
    counts = told.labels
    assert counts.labels == counts.used + counts.duplicate + counts.unknown + counts.conflicting == len(labels)
    assert outcome.truths == {name: last[name] for name, _ in captures if name in last}
    assert len(outcome.records) == told.captures.matched == sum(name in last for name, _ in captures)
    assert counts.conflicting == sum(text != last[name] for name, text, _ in labels)
    assert counts.unknown == len(set(last) - {name for name, _ in captures})
    assert Counter(conflict.id for conflict in told.conflicts) == Counter(
        {name for name, text, _ in labels if text != last[name]}
    )


@FEW
@given(captures=CAPTURES.filter(bool), parts=st.integers(1, 5))
def test_how_many_pieces_are_joined_at_a_time_changes_no_byte(merged, capture, label, captures, parts):
    lines = [capture(name, score=score) for name, score in captures]
    labels = {"l.jsonl": [label(name) for name, _ in captures]}
    size = sum(len(line) + 1 for line in lines) + sum(len(line) + 1 for line in labels["l.jsonl"])
    assert merged({"c.jsonl": lines}, labels, part_bytes=size // parts + 1) == merged({"c.jsonl": lines}, labels)


def test_a_merged_record_is_the_captured_one_with_its_ground_truth(merged, capture, label):
    line = capture("a", customAttributes=["x"])
    (record,) = merged({"c.jsonl": [line]}, {"l.jsonl": [label("a", '{"label": "ö\\n"}', "JSON")]}).records
    truth = record.pop("groundTruthData")
    assert truth == {"data": '{"label": "ö\\n"}', "encoding": "JSON"}
    assert record == json.loads(line)


def test_captures_of_one_inference_are_all_kept_and_labels_never_multiply_them(merged, capture, label):
    captures = [capture("a", score=number) for number in range(3)]
    outcome = merged({"c.jsonl": captures}, {"l.jsonl": [label("a")] * 5})
    assert len(outcome.records) == 3
    assert (outcome.told.labels.used, outcome.told.labels.duplicate) == (1, 4)


def test_the_event_id_is_the_key_where_the_caller_gave_no_inference_id(merged, capture, label):
    outcome = merged({"c.jsonl": [capture("", event="e-1"), capture("a")]}, {"l.jsonl": [label("e-1"), label("a")]})
    assert outcome.truths == {"e-1": "1", "a": "1"}


def test_the_hour_of_the_folder_decides_before_the_name_of_the_file(merged, capture, label):
    labels = {
        "2026/11/01/15/z.jsonl": [label("a", "early")],
        "2026/11/01/16/a.jsonl": [label("a", "late")],
        "zzz/no-hour.jsonl": [label("a", "never")],
    }
    outcome = merged({"c.jsonl": [capture("a")]}, labels)
    assert outcome.truths == {"a": "late"}
    (conflict,) = outcome.told.conflicts
    assert (conflict.used, conflict.others) == ("late", ("early", "never"))


def test_only_captures_of_the_window_are_merged_and_shadow_traffic_is_none(merged, capture, label):
    window = Window(start=datetime(2026, 11, 1, 14, tzinfo=UTC), end=datetime(2026, 11, 1, 15, tzinfo=UTC))
    lines = [
        capture("a", time="2026-11-01T14:00:00Z"),
        capture("b", time="2026-11-01T15:00:00Z"),
        capture("c", time="2026-11-01T14:59:59.999Z"),
        capture("d", time="soon"),
        capture("e", invocationSource="ShadowExperiment"),
    ]
    told = merged({"c.jsonl": lines}, {"l.jsonl": [label(name) for name in "abcde"]}, window=window).told
    counts = told.captures
    assert (counts.read, counts.captures, counts.outside_window, counts.skipped, counts.set_aside) == (5, 2, 1, 1, 1)
    assert (told.labels.used, told.labels.unknown) == (2, 3)


def test_records_that_were_merged_before_take_todays_label(merged, capture, label):
    first = merged({"c.jsonl": [capture("a")]}, {"l.jsonl": [label("a", "old")]})
    again = merged({"c.jsonl": [json.dumps(first.records[0])]}, {"l.jsonl": [label("a", "new")]})
    assert again.truths == {"a": "new"}
    assert again.files["merged-00000.jsonl"].count(b"groundTruthData") == 1


def test_a_merge_without_labels_leaves_every_capture_unmatched(merged, capture):
    outcome = merged({"c.jsonl": [capture("a"), capture("b")]}, {})
    assert (outcome.told.captures.unmatched, outcome.told.coverage, outcome.files) == (2, 0.0, {})


def test_the_counts_name_the_merged_files(merged, capture, label):
    captures = {"x/c.jsonl": [capture("a")], "y/z/c.jsonl": [capture("b")]}
    outcome = merged(captures, {"l.jsonl": [label("a"), label("b")]}, keep_folders=True)
    assert outcome.told.files == ("x/merged-00000.jsonl", "y/z/merged-00000.jsonl") == tuple(sorted(outcome.files))
