"""Whichever processes read a window, its state has the same bits."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.errors import CaptureError
from endpointwatch.jobs import gather
from endpointwatch.jobs.collect import collect
from endpointwatch.jobs.rows import captured
from endpointwatch.monitors import data_quality


def found(folder, cores, *, size=1, names=()):
    """The window's state and the accounting, read in parts of ``size`` bytes on so many cores."""
    tally = Tally()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "cores", lambda: cores)
        patch.setattr(gather, "PART_BYTES", size)
        patch.setattr(gather, "WORTH_A_HELPER", 1)
        state = gather.here(folder, tally, Reading(), names=names)
    return state, tally


@pytest.mark.parametrize("names", [(), ("prediction", "amount", "ratio", "colour")], ids=["no baseline", "baseline"])
def test_a_window_with_everything_in_it_is_the_same_on_one_core_and_on_three(everything, tmp_path, names):
    folder = everything(tmp_path)
    assert found(folder, 3, names=names) == found(folder, 1, names=names)


@how(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.integers(1, 60), min_size=2, max_size=6), size=st.integers(1, 20_000))
def test_helpers_change_nothing(traffic, tmp_path_factory, files, size):
    folder = tmp_path_factory.mktemp("window")
    for number, count in enumerate(files):
        lines = traffic.lines(sum(files))[sum(files[:number]) :][:count]
        (folder / f"{number}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    assert found(folder, 2, size=size) == found(folder, 1, size=size)


def test_parts_give_the_sketches_of_one_reading_level_by_level(traffic, tmp_path, monkeypatch):
    lines = traffic.lines(6000)
    for number in range(6):
        (tmp_path / f"{number}.jsonl").write_text("".join(f"{line}\n" for line in lines[number * 1000 :][:1000]))
    monkeypatch.setattr(gather, "PART_BYTES", 1)
    tally, whole = Tally(), Tally()
    state = gather.here(tmp_path, tally, Reading(), names=())
    one = collect(captured(tmp_path, whole, Reading()), whole, data_quality.compute)
    assert tally == whole
    for mine, its in zip(state.columns, one.columns, strict=True):
        assert (mine.sketch, mine.distinct, mine.histogram, mine.types) == (
            its.sketch, its.distinct, its.histogram, its.types,
        )  # fmt: skip


def test_a_large_file_is_read_in_pieces_by_one_process(traffic, tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text("".join(f"{line}\n" for line in traffic.lines(300)))
    monkeypatch.setattr(gather, "LARGE", 1000)
    monkeypatch.setattr(gather, "survey", None)
    state, tally = found(tmp_path, 2)
    assert state
    assert tally.analysed == 300


def test_a_fault_that_a_helper_finds_is_the_error_of_one_process(traffic, tmp_path, monkeypatch):
    for number in range(4):
        (tmp_path / f"{number}.jsonl").write_text(traffic.record(1) + "\n")
    cut = gather.cut
    monkeypatch.setattr(gather, "cut", lambda folder, size: (("gone.jsonl",), *cut(folder, size)))
    with pytest.raises(CaptureError, match=r"gone\.jsonl: cannot be read"):
        found(tmp_path, 2)
