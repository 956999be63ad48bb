from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.capture import files as files_module
from endpointwatch.capture.tables import table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.errors import CaptureError


def read(folder, *, header=True):
    tally = Tally()
    names, cells, lines = None, [], []
    for part in table_rows(folder, tally, header=header):
        names = part.names
        cells += part.frame["cells"].to_list()
        lines += part.frame["line"].to_list()
    return names, cells, lines, tally


def test_cells_stay_the_texts_that_stand_in_the_file(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfx,,z\r\n3.0,,007\r\n\r\n 1,a,b\r\n")
    names, cells, lines, _ = read(tmp_path)
    assert names == ("x", "_c1", "z")
    assert cells == [["3.0", "", "007"], [" 1", "a", "b"]]
    assert lines == [2, 4]


def test_the_header_of_every_file_is_taken_off_and_must_be_the_same(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("x,y\n3,4\n", encoding="utf-8")
    (tmp_path / "_SUCCESS").write_text("", encoding="utf-8")
    assert read(tmp_path)[1] == [["1", "2"], ["3", "4"]]
    (tmp_path / "c.csv").write_text("y,x\n3,4\n", encoding="utf-8")
    with pytest.raises(CaptureError, match="differs from that of the files before"):
        read(tmp_path)


def test_a_line_that_is_not_utf8_is_set_aside_and_the_others_are_read(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"x\n1\n\xff\n3\n")
    _, cells, lines, tally = read(tmp_path)
    assert (cells, lines) == ([["1"], ["3"]], [2, 4])
    assert [(fault.line, fault.reason) for fault in tally.listed] == [(3, "the line is not UTF-8")]


def test_a_file_in_utf16_is_set_aside_with_the_remedy(tmp_path):
    (tmp_path / "a.csv").write_bytes("x,y\n1,2\n".encode("utf-16"))
    names, cells, _, tally = read(tmp_path)
    assert (names, cells) == (None, [])
    assert [fault.reason for fault in tally.listed] == ["the file is UTF-16; write it as UTF-8"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(tmp_path, end):
    (tmp_path / "a.csv").write_bytes(end.join(("x,y", "1,2", "3,")).encode())
    names, cells, lines, _ = read(tmp_path)
    assert (names, cells, lines) == (("x", "y"), [["1", "2"], ["3", ""]], [2, 3])


def test_a_folder_without_files_is_an_error(tmp_path):
    with pytest.raises(CaptureError, match="Could not find any csv file"):
        read(tmp_path)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=15),
    size=st.sampled_from([8, 64, 1 << 20]),
)
def test_what_a_csv_writer_wrote_is_read_back_cell_by_cell(tmp_path_factory, rows, size):
    folder = tmp_path_factory.mktemp("table")
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    (folder / "a.csv").write_bytes(text.getvalue().encode())
    original = files_module.chunks.__defaults__
    files_module.chunks.__defaults__ = (size,)
    try:
        _, cells, _, tally = read(folder, header=False)
    finally:
        files_module.chunks.__defaults__ = original
    assert cells == [row for row in rows if row != [""]]
    assert not tally.listed


@settings(max_examples=300, deadline=None)
@given(
    raw=st.one_of(st.binary(max_size=80), st.text('1,"\n\r x\0', max_size=60).map(str.encode)),
    header=st.booleans(),
    size=st.sampled_from([4, 1 << 20]),
)
def test_any_bytes_are_rows_or_faults_and_never_a_crash(tmp_path_factory, raw, header, size):
    folder = tmp_path_factory.mktemp("table")
    (folder / "a.csv").write_bytes(raw)
    original = files_module.chunks.__defaults__
    files_module.chunks.__defaults__ = (size,)
    try:
        _, cells, lines, tally = read(folder, header=header)
    finally:
        files_module.chunks.__defaults__ = original
    assert len(cells) == len(lines)
    assert tally.rows().set_aside == len(tally.listed)
    assert lines == sorted(lines)


def test_a_blank_header_cell_and_one_that_several_columns_have_get_their_place(tmp_path):
    """Source: apache/spark, ``CSVUtils.makeSafeHeader``; Model Monitor reads with Spark, and has been seen to write
    ``_c<i>`` for a blank cell.
    """
    (tmp_path / "a.csv").write_text("a,b,a,,B\n1,2,3,4,5\n")
    (rows,) = table_rows(tmp_path, Tally(), header=True)
    assert rows.names == ("a0", "b", "a2", "_c3", "B")
