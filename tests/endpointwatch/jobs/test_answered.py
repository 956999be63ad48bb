"""Model quality judged while captures and labels are merged says what the merged records say."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.capture.marks import OWN_TRAFFIC
from endpointwatch.capture.tally import Tally
from endpointwatch.config.model_quality import ModelQuality
from endpointwatch.jobs.answered import Answered
from endpointwatch.jobs.labelled import labelled_state
from endpointwatch.merge.merge import merge
from endpointwatch.merge.sources import Sources
from endpointwatch.monitors.predictions import Reader
from endpointwatch.states.quality_file import write

BY_PROBABILITY = {"probability_attribute": "0"}
BY_CLASS = {"inference_attribute": "1", "probability_attribute": "0"}
PLAIN = [(f"0.{number:03d}", "CSV", f"id-{number}", str(number % 3 % 2), "CSV") for number in range(40)]
ODD = st.tuples(
    st.sampled_from(["0.5", "1", " 0.25 ", "0.5,1", "nothing", "", '"0.5"', "0.5\n", "0.1\n0.2", "[0.5]", "2"]),
    st.sampled_from(["CSV", "CSV", "CSV", "JSON", "BASE64", "csv"]),
    st.sampled_from(["id-a", "id-b", "id-c", f"{OWN_TRAFFIC}1"]),
    st.sampled_from(["0", "1", " 1", "1.0", "true", "2", "", "[1]", "1,0", '{"y": 1}']),
    st.sampled_from(["CSV", "CSV", "JSON"]),
)


def reader(told):
    document = {"kind": "model_quality", "problem_type": "BinaryClassification", **told}
    return Reader(ModelQuality.model_validate(document))


def written(folder: Path, records, *, data_type="text/csv"):
    """Captures and labels as files."""
    captures, truth = folder / "captures", folder / "truth"
    for path in (captures, truth):
        path.mkdir()
    lines, labels = [], []
    for score, encoding, name, label, label_encoding in records:
        side = {"observedContentType": data_type, "mode": "OUTPUT", "data": score, "encoding": encoding}
        about = {"eventId": name, "inferenceTime": "2026-11-01T14:00:00Z"}
        lines.append({"captureData": {"endpointOutput": side}, "eventMetadata": about, "eventVersion": "0"})
        data = {"data": label, "encoding": label_encoding}
        labels.append({"groundTruthData": data, "eventMetadata": {"eventId": name}, "eventVersion": "0"})
    (captures / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (truth / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in labels))
    return Sources(captures, truth)


def both(folder, sources, read, part_bytes):
    """The state and its tally as the merge saw them, and as the merged records say."""
    watch, seen, found = Answered(read), Tally(), Tally()
    merge(sources, folder / "records", part_bytes=part_bytes, watch=watch)
    states = watch.state(seen), labelled_state(folder / "records", read, found)
    told = [None if state is None else _bytes(state, folder / "state") for state in states]
    return list(zip(told, (seen, found), strict=True))


def _bytes(state, path):
    write(state, path)
    return path.read_bytes()


@pytest.mark.parametrize("part_bytes", [1 << 30, 2_000])
def test_plain_answers_are_judged_without_reading_the_merged_records(tmp_path, part_bytes):
    merging, records = both(tmp_path, written(tmp_path, PLAIN), reader(BY_PROBABILITY), part_bytes)
    assert merging[0] is not None
    assert merging == records
    assert records[1].analysed == len(PLAIN)


@settings(max_examples=60, deadline=None)
@given(st.lists(ODD, min_size=1, max_size=4), st.sampled_from([BY_PROBABILITY, BY_CLASS]), st.booleans())
def test_whatever_is_judged_in_the_merge_is_what_the_merged_records_say(records, told, alone):
    with tempfile.TemporaryDirectory() as place:
        sources = written(Path(place), records if alone else [*PLAIN, *records])
        merging, read = both(Path(place), sources, reader(told), 1 << 30)
        assert merging[0] is None or merging == read


def test_records_that_a_reader_refuses_are_left_to_it(tmp_path):
    merging, read = both(tmp_path, written(tmp_path, PLAIN, data_type=5), reader(BY_PROBABILITY), 1 << 30)
    assert merging[0] is None or merging == read


def test_answers_without_a_label_give_no_state(tmp_path):
    sources = written(tmp_path, PLAIN)
    watch = Answered(reader(BY_PROBABILITY))
    merge(Sources(sources.captures, None), tmp_path / "records", watch=watch)
    assert watch.state(Tally()) is None


@pytest.mark.parametrize(("score", "label"), [("nothing", "1"), ("2", "1"), ("0.5", "maybe"), ("0.5", "[1]")])
def test_what_is_set_aside_is_named_by_its_place_in_the_merged_records(tmp_path, score, label):
    records = [(score, "CSV", f"id-{number}", label, "CSV") for number in range(3)]
    merging, read = both(tmp_path, written(tmp_path, records), reader(BY_PROBABILITY), 1 << 30)
    assert merging[0] is None or merging == read
    assert label == "[1]" or {fault.line for fault in read[1].listed} == {1, 2, 3}
