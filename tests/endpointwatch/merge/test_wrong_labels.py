"""Label data that is wrong: counted, named, and the rest merged."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.capture.tally import Tally
from endpointwatch.config.ground_truth import LabelRecord
from endpointwatch.errors import CaptureError
from endpointwatch.merge.labels import labels as read_labels
from endpointwatch.merge.merge import merge
from endpointwatch.merge.sources import Sources

TUTORIAL = LabelRecord(id="inferenceId", data="actualLabel")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "not valid JSON"),
        ("[1]", "not an object"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"eventMetadata": "x"}', "eventMetadata is not an object"),
        ('{"groundTruthData": {"data": "1"}}', "no eventMetadata.eventId"),
        ('{"groundTruthData": {"data": "1"}, "eventMetadata": {"eventId": ""}}', "no eventMetadata.eventId"),
        ('{"groundTruthData": {"data": null}, "eventMetadata": {"eventId": "b"}}', "no groundTruthData.data"),
        ('{"groundTruthData": {"data": "  "}, "eventMetadata": {"eventId": "b"}}', "no groundTruthData.data"),
        ('{"groundTruthData": {"data": "MQ==", "encoding": "BASE64"}, "eventMetadata": {"eventId": "b"}}', "BASE64"),
        (
            '{"groundTruthData": {"data": "{x", "encoding": "JSON"}, "eventMetadata": {"eventId": "b"}}',
            "not valid JSON",
        ),
        ('{"groundTruthData": {"data": "\\ud800"}, "eventMetadata": {"eventId": "b"}}', "surrogate"),
        ("[" * 5000, "JSON"),
    ],
)
def test_a_faulty_label_line_is_set_aside_with_its_place_and_the_rest_is_merged(merged, capture, label, line, reason):
    outcome = merged({"c.jsonl": [capture("a"), capture("b")]}, {"15/l.jsonl": [label("a"), line, label("z")]})
    (fault,) = outcome.told.set_aside
    assert (fault.file, fault.line) == ("15/l.jsonl", 2)
    assert reason in fault.reason
    counts = outcome.told.labels
    assert (counts.read, counts.labels, counts.used, counts.unknown, counts.set_aside) == (3, 2, 1, 1, 1)
    assert outcome.truths == {"a": "1"}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                '{"groundTruthData": {"data": "1"}, "eventMetadata": {"eventId": "a"}}',
                '{"groundTruthData": {"data": 1.50}, "eventMetadata": {"eventId": 7}}',
                '  {"groundTruthData": {"data": true}, "eventMetadata": {"eventId": "\\ud83d\\ude00"}} ',
                "",
                "   ",
                "{",
                "nonsense",
                '{"eventMetadata": {"eventId": "x\\ud800"}}',
            ]
        ),
        max_size=12,
    )
)
def test_what_a_line_says_never_depends_on_its_neighbours(tmp_path_factory, lines):
    together = _read(tmp_path_factory, lines)
    alone = [_read(tmp_path_factory, [line]) for line in lines]
    assert together[0] == [told for found, _ in alone for told in found]
    assert together[1] == sum(aside for _, aside in alone)


def _read(factory, lines):
    folder = factory.mktemp("labels")
    (folder / "l.jsonl").write_text("\n".join(lines))
    tally = Tally()
    found = [row for frame in read_labels(folder, LabelRecord(), tally) for row in frame.select("id", "data").rows()]
    return found, tally.rows().set_aside


@pytest.mark.parametrize(("value", "text"), [('"1"', "1"), ("1", "1"), ("true", "true"), ("0.25", "0.25")])
def test_the_tutorials_form_is_read_by_naming_its_keys(merged, capture, value, text):
    line = f'{{"inferenceId": "a", "actualLabel": {value}}}'
    outcome = merged({"c.jsonl": [capture("a")]}, {"l.jsonl": [line]}, record=TUTORIAL)
    assert outcome.records[0]["groundTruthData"] == {"data": text, "encoding": "CSV"}


def test_records_of_another_form_are_counted_not_guessed_at(merged, capture):
    outcome = merged({"c.jsonl": [capture("a")]}, {"l.jsonl": ['{"inferenceId": "a", "actualLabel": "1"}']})
    assert (outcome.told.labels.set_aside, outcome.told.captures.matched) == (1, 0)
    assert "eventMetadata.eventId" in outcome.told.set_aside[0].reason


def test_files_that_hold_no_lines_of_labels_are_named(merged, capture, label):
    labels = {"l.jsonl": [label("a")], "labels.csv": ["a,1"], "broken.jsonl.gz": ["no gzip"]}
    told = merged({"c.jsonl": [capture("a")]}, labels).told
    assert {fault.file: told.labels.set_aside for fault in told.set_aside} == {"labels.csv": 2, "broken.jsonl.gz": 2}
    assert told.captures.matched == 1


def test_compressed_labels_are_read_as_far_as_they_go(tmp_path: Path, capture, label):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "c.jsonl").write_text(capture("a") + "\n")
    (tmp_path / "l").mkdir()
    whole = gzip.compress((label("a") + "\n").encode()) + gzip.compress(json.dumps({"x": "y" * 2000}).encode())[:-9]
    (tmp_path / "l" / "l.jsonl.gz").write_bytes(whole)
    told = merge(Sources(tmp_path / "c", tmp_path / "l"), tmp_path / "out")
    assert told.labels.set_aside == 1
    assert "gzip" in told.set_aside[0].reason


def test_faulty_captures_are_set_aside_too(merged, capture, label):
    lines = [capture("a"), "{", '{"eventMetadata": {}}']
    told = merged({"c.jsonl": lines}, {"l.jsonl": [label("a")]}).told
    assert (told.captures.captures, told.captures.set_aside) == (1, 2)
    assert [fault.line for fault in told.captures_set_aside] == [2, 3]


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(CaptureError, match="no such folder"):
        merge(Sources(tmp_path / "captures", None), tmp_path / "out")
