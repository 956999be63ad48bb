"""However a window's files are divided, what is found in them is what one process finds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.errors import CaptureError
from endpointwatch.jobs import partitions
from endpointwatch.jobs.collect import settled
from endpointwatch.jobs.gather import here

NAMES = ("prediction", "amount", "ratio", "colour")


def apart(folder, reading, size, *, names):
    tally = Tally()
    parts = partitions.cut(folder, size)
    whole = partitions.together([partitions.read(folder, part, reading) for part in parts], tally)
    return settled(*whole, tally, names), tally, len(parts)


@pytest.mark.parametrize("names", [(), NAMES], ids=["no baseline", "baseline"])
@pytest.mark.parametrize(("size", "count"), [(1, 7), (60_000, 5), (10**9, 1)])
def test_rows_accounting_columns_and_exact_statistics_are_those_of_one_process(
    everything, reading, exactly, close, accounting, tmp_path, names, size, count
):
    folder = everything(tmp_path)
    tally = Tally()
    one = here(folder, tally, reading, names=names)
    several, its, parts = apart(folder, reading, size, names=names)
    assert parts == count
    assert accounting(its) == accounting(tally)
    assert tally.rows().set_aside > 0
    assert tally.rows().skipped == tally.rows().outside_window == 1
    assert exactly(several) == exactly(one)
    close(several, one)


def test_one_partition_is_one_process_bit_by_bit(everything, reading, tmp_path):
    folder = everything(tmp_path)
    several, _, _ = apart(folder, reading, 10**9, names=NAMES)
    one = here(folder, Tally(), reading, names=NAMES)
    assert several == one


def test_sketches_of_partitions_keep_their_bound(traffic, reading, tmp_path):
    lines = traffic.lines(6000)
    for number in range(12):
        (tmp_path / f"{number:02}.jsonl").write_text("".join(f"{line}\n" for line in lines[number::12]))
    several, _, parts = apart(tmp_path, reading, 1, names=())
    one = here(tmp_path, Tally(), reading, names=())
    assert parts == 12
    ratio, weights = several.columns[2].sketch.weighted()
    exact = np.sort([10 + number * 13 % 101 / 7 for number in range(6000)])
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        told = ratio[np.searchsorted(np.cumsum(weights), share * 6000)]
        rank = np.searchsorted(exact, [told - 1e-3, told + 1e-3]) / 6000
        assert rank[0] - 0.02 <= share <= rank[1] + 0.02
    assert several.columns[2].sketch.weight == one.columns[2].sketch.weight


def test_a_partition_that_cannot_be_read_is_the_error_of_one_process(traffic, reading, tmp_path):
    (tmp_path / "a.jsonl").write_text(traffic.record(1) + "\n")
    packed = partitions.read(tmp_path, ("a.jsonl",), reading)
    broken = json.dumps({"fault": f"{tmp_path}/b.jsonl: cannot be read (Input/output error)."}).encode() + b"\n"
    with pytest.raises(CaptureError, match=r"b\.jsonl: cannot be read"):
        partitions.together([packed, broken], Tally())


def test_a_file_that_an_executor_does_not_have_is_an_error_and_no_smaller_window(traffic, reading, tmp_path):
    (tmp_path / "a.jsonl").write_text(traffic.record(1) + "\n")
    packed = partitions.read(tmp_path, ("a.jsonl", "b.jsonl"), reading)
    with pytest.raises(CaptureError, match=r"b\.jsonl: not where this partition is read"):
        partitions.together([packed], Tally())


def test_many_large_files_make_larger_partitions_not_more_of_them(monkeypatch, tmp_path):
    monkeypatch.setattr(partitions, "MOST_PARTITIONS", 8)
    for number in range(100):
        (tmp_path / f"{number:02}.jsonl").write_bytes(b"x" * 10)
    parts = partitions.cut(tmp_path, 1)
    assert 4 <= len(parts) <= 8
    assert sum(len(part) for part in parts) == 100


def test_a_window_without_a_folder_is_an_error_and_one_without_files_has_no_partition(tmp_path):
    assert partitions.cut(tmp_path) == ()
    with pytest.raises(CaptureError, match="no such folder"):
        partitions.cut(tmp_path / "nowhere")


@how(max_examples=30)
@given(sizes=st.lists(st.integers(0, 50), max_size=12), limit=st.integers(1, 120))
def test_files_keep_their_order_and_none_is_lost(tmp_path_factory, sizes, limit):
    folder = tmp_path_factory.mktemp("cut")
    for number, size in enumerate(sizes):
        (folder / f"{number:02}.jsonl").write_bytes(b"x" * size)
    parts = partitions.cut(folder, limit)
    assert [name for part in parts for name in part] == [f"{number:02}.jsonl" for number in range(len(sizes))]
    for part in parts:
        filled = [sizes[int(name[:2])] for name in part]
        assert sum(filled) <= limit or len([size for size in filled if size]) == 1


def test_more_widths_than_are_kept_are_still_counted(traffic, tmp_path):
    for part in range(2):
        lines = [
            traffic.record(width).replace(",red", ",red" * width).replace(",blue", ",blue" * width)
            for width in range(1 + 20 * part, 21 + 20 * part)
        ]
        (tmp_path / f"{part}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    tally = Tally()
    one = here(tmp_path, tally, Reading(), names=())
    several, its, parts = apart(tmp_path, Reading(), 1, names=())
    assert parts == 2
    assert its.rows() == tally.rows()
    assert (several.names, several.rows) == (one.names, one.rows)
