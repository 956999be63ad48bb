"""Whichever processes merge and judge a window, the bytes are the same."""

from __future__ import annotations

import json

import pytest

from endpointwatch.capture.tally import Tally
from endpointwatch.config.model_quality import ModelQuality
from endpointwatch.jobs import labelled, merging
from endpointwatch.jobs.predictions import captured, collected
from endpointwatch.merge import output, sources
from endpointwatch.merge.merge import merge
from endpointwatch.merge.sources import Sources
from endpointwatch.monitors.predictions import Reader
from endpointwatch.states.quality_file import write

RECORDS = 400
SETTINGS = ModelQuality.model_validate(
    {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
)


def capture(number):
    side = {"observedContentType": "text/csv", "encoding": "CSV"}
    # Every tenth answer is no probability.
    score = "nothing" if number % 10 == 9 else f"0.{number % 83:03d}"
    return {
        "captureData": {
            "endpointInput": {**side, "mode": "INPUT", "data": f"{number},x"},
            "endpointOutput": {**side, "mode": "OUTPUT", "data": score},
        },
        "eventMetadata": {"eventId": f"e-{number % 390}", "inferenceTime": f"2026-11-01T14:00:{number % 60:02d}Z"},
        "eventVersion": "0",
    }


def label(number):
    truth = {"data": str(number % 3 % 2), "encoding": "CSV"}
    about = {"eventId": f"e-{number * 7 % RECORDS}"}
    return {"groundTruthData": truth, "eventMetadata": about, "eventVersion": "0"}


@pytest.fixture
def window(tmp_path):
    """Captures in three folders and labels in four hours, some of them twice or in contradiction, some lines broken."""
    for number in range(RECORDS):
        for path, record in (
            (tmp_path / "captures" / "abc"[number % 3] / f"{number // 100}.jsonl", capture(number)),
            (tmp_path / "truth" / f"2026/11/01/{number % 4:02d}" / "labels.jsonl", label(number)),
            (tmp_path / "truth" / "2026/11/01/05" / "again.jsonl", label(number + number % 5)),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as sink:
                sink.write(json.dumps(record) + "\n" + ("{broken\n" if number % 150 == 149 else ""))
    return Sources(tmp_path / "captures", tmp_path / "truth")


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("keep_folders", [False, True])
def test_helpers_merge_to_the_same_bytes_and_the_same_counts(window, tmp_path, monkeypatch, keep_folders):
    monkeypatch.setattr(output, "RECORDS_A_FILE", 30)
    once = merge(window, tmp_path / "once", keep_folders=keep_folders)
    monkeypatch.setattr(sources, "SHARE_BYTES", 8_000)
    monkeypatch.setattr(merging, "merge", lambda *given, **named: merge(*given, **named, part_bytes=20_000))
    monkeypatch.setattr(Sources, "parts", lambda _sources, part_bytes: 9 if part_bytes == merging.PART_BYTES else 7)
    for cores in (1, 3):
        monkeypatch.setattr(merging, "cores", lambda cores=cores: cores)
        told = merging.here(window, tmp_path / str(cores), scratch=tmp_path, keep_folders=keep_folders)
        assert contents(tmp_path / str(cores)) == contents(tmp_path / "once")
        assert told == once
    assert len(once.files) > 10
    assert once.labels.conflicting
    assert once.labels.duplicate
    assert not list(tmp_path.glob(".merge-*"))


def test_helpers_judge_merged_records_as_one_process_does(window, tmp_path, monkeypatch):
    monkeypatch.setattr(output, "RECORDS_A_FILE", 30)
    monkeypatch.setattr(labelled, "PART_BYTES", 1)
    merge(window, tmp_path / "records")
    reader, tally = Reader(SETTINGS), Tally()
    state = collected(captured(tmp_path / "records", tally, SETTINGS, labelled=True), reader, tally)
    write(state, tmp_path / "one")
    for cores in (1, 3):
        monkeypatch.setattr(labelled, "cores", lambda cores=cores: cores)
        found = Tally()
        write(labelled.labelled_state(tmp_path / "records", reader, found), tmp_path / "more")
        assert (tmp_path / "more").read_bytes() == (tmp_path / "one").read_bytes()
        assert found == tally
    assert tally.kinds["probability"] > 30
