from __future__ import annotations

import codecs
import gzip
import json

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from endpointwatch.capture import files as files_module
from endpointwatch.capture.objects import json_rows, parquet_rows
from endpointwatch.capture.tables import table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.errors import CaptureError


def read(parts, tally):
    found = []
    for part in parts:
        tally.analysed += part.frame.height
        found += [dict(zip(part.names, row, strict=True)) for row in part.frame["cells"].to_list()]
    return found


ROWS = [{"x": 1, "y": 2.5, "z": "a"}, {"z": "b", "x": None}, {"y": 3.0, "x": 7, "new": True}]
TOLD = [
    {"x": "1", "y": "2.5", "z": "a", "new": None},
    {"x": None, "y": None, "z": "b", "new": None},
    {"x": "7", "y": "3.0", "z": None, "new": "true"},
]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\n".join(map(json.dumps, ROWS)), True),
        (json.dumps(ROWS), False),
        (json.dumps(ROWS, indent=1), False),
        (json.dumps(ROWS), True),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_json_is_a_row_a_line_or_a_row_an_item(tmp_path, text, lines, compressed):
    raw = text.encode()
    (tmp_path / ("a.json.gz" if compressed else "a.json")).write_bytes(gzip.compress(raw) if compressed else raw)
    tally = Tally()
    assert read(json_rows(tmp_path, tally, lines=lines), tally) == TOLD
    assert not tally.listed


def test_json_that_is_no_flat_object_is_set_aside_with_its_line(tmp_path):
    lines = ['{"x": 1}', "[1]", "oops", "", '{"x": {"y": 1}}', "{}", '{"x": 2}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    tally = Tally()
    assert read(json_rows(tmp_path, tally, lines=True), tally) == [{"x": "1"}, {"x": "2"}]
    assert [fault.line for fault in tally.listed] == [2, 3, 5, 6]
    assert "write the data set flat" in tally.listed[2].reason
    assert tally.rows().read == 6


def test_parquet_is_read_as_texts_across_files_with_other_columns(tmp_path):
    pl.DataFrame({"x": [1, None], "y": [2.5, 3.0], "z": ["a", "b"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"z": ["c"], "new": [True]}).write_parquet(tmp_path / "b.snappy.parquet", compression="snappy")
    (tmp_path / "notes.txt").write_text("no parquet", encoding="utf-8")
    tally = Tally()
    parts = list(parquet_rows(tmp_path, tally))
    assert [part.names for part in parts] == [("x", "y", "z"), ("x", "y", "z", "new")]
    assert parts[0].frame["cells"].to_list() == [["1", "2.5", "a"], [None, "3.0", "b"]]
    assert parts[1].frame["cells"].to_list() == [[None, None, "c", "true"]]
    assert [(fault.file, fault.reason[:36]) for fault in tally.listed] == [
        ("notes.txt", "the file is no whole Parquet file: P")
    ]


def test_nested_parquet_is_an_error_that_names_the_columns(tmp_path):
    pl.DataFrame({"x": [[1, 2]], "y": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(CaptureError, match=r"\['x'\] hold nested or binary values"):
        list(parquet_rows(tmp_path, Tally()))


def test_a_manifest_is_no_data_and_what_it_names_must_be_there(tmp_path):
    manifest = [{"prefix": "s3://bucket/batch/"}, "in/a.csv", "in/b.csv"]
    (tmp_path / "in").mkdir()
    (tmp_path / "m.json").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / "in" / "a.csv").write_text("1,2\n", encoding="utf-8")
    tally = Tally()
    cells = [row for part in table_rows(tmp_path, tally, header=False) for row in part.frame["cells"].to_list()]
    assert cells == [["1", "2"]]
    ((file, why),) = [(fault.file, fault.reason) for fault in tally.listed]
    assert file == "m.json"
    assert "names in/b.csv, which is not among the job's inputs" in why


def test_json_data_that_has_a_prefix_is_no_manifest(tmp_path):
    (tmp_path / "a.json").write_text('[{"prefix": "x", "y": 1}, {"prefix": "z"}]', encoding="utf-8")
    tally = Tally()
    found = read(json_rows(tmp_path, tally, lines=False), tally)
    assert found == [{"prefix": "x", "y": "1"}, {"prefix": "z", "y": None}]


VALUES = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.integers(), max_size=1))
LINES = st.one_of(
    st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=3).map(lambda row: json.dumps(row).encode()),
    st.binary(max_size=12).filter(lambda raw: b"\n" not in raw),
)


@settings(max_examples=150, deadline=None)
@example(lines=[b"{}", b"{}", codecs.BOM_UTF8 + b"{}"], size=4, compressed=False)
@given(lines=st.lists(LINES, max_size=10), size=st.sampled_from([16, 1 << 20]), compressed=st.booleans())
def test_any_lines_are_rows_or_faults_however_they_are_cut(tmp_path_factory, lines, size, compressed):
    folder = tmp_path_factory.mktemp("objects")
    raw = b"".join(line + b"\n" for line in lines)
    (folder / ("a.json.gz" if compressed else "a.json")).write_bytes(gzip.compress(raw) if compressed else raw)
    tallies, rows = [], []
    for cut in (1 << 20, size):
        original = files_module.chunks.__defaults__
        files_module.chunks.__defaults__ = (cut,)
        tally = Tally()
        try:
            found = read(json_rows(folder, tally, lines=True), tally)
        finally:
            files_module.chunks.__defaults__ = original
        tallies.append(tally)
        rows.append([{key: cell for key, cell in row.items() if cell is not None} for row in found])
    assert rows[0] == rows[1]
    assert tallies[0] == tallies[1]
    # A file's byte order mark is no content.
    assert tallies[0].rows().read >= sum(1 for line in raw.removeprefix(codecs.BOM_UTF8).split(b"\n") if line.strip())
