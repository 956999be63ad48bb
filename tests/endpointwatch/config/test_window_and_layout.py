from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.errors import WindowError

START = datetime(2026, 3, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "length", "path"),
    [
        (0, 60, "2026/03/01/14"),
        (0, 1440, "2026/03/01/14-00-1440m"),
        (15, 60, "2026/03/01/14-15-60m"),
        (0, 30, "2026/03/01/14-00-30m"),
    ],
)
def test_a_windows_folder_is_its_hour_and_says_when_it_is_not_one_whole_hour(minutes, length, path):
    start = START + timedelta(minutes=minutes)
    assert Window.of(start, start + timedelta(minutes=length)).path == path


SPANS = st.builds(
    lambda start, length: Window.of(START + timedelta(seconds=start), START + timedelta(seconds=start + length)),
    st.integers(0, 200_000),
    st.integers(1, 200_000),
)


@given(SPANS, SPANS)
def test_different_windows_never_share_a_folder(one, two):
    assert (one.path == two.path) == (one == two)


@given(SPANS, st.integers(-5, 5))
def test_shifting_there_and_back_changes_nothing_and_neighbours_touch(window, steps):
    assert window.shifted(steps).shifted(-steps) == window
    assert window.shifted(1).start == window.end


@given(SPANS)
def test_the_hours_of_a_window_cover_it(window):
    hours = list(window.hours())
    assert hours[0] <= window.start < hours[0] + timedelta(hours=1)
    assert hours[-1] < window.end <= hours[-1] + timedelta(hours=1)


def test_times_of_other_zones_are_the_same_window():
    cet = timezone(timedelta(hours=1))
    there = Window.of(datetime(2026, 3, 1, 15, tzinfo=cet), datetime(2026, 3, 1, 16, tzinfo=cet))
    assert there == Window.of(START, START + timedelta(hours=1))
    assert str(there) == "2026-03-01T14:00:00Z/2026-03-01T15:00:00Z"


@pytest.mark.parametrize("end", [START, START - timedelta(hours=1), datetime(2026, 3, 1, 15)])  # noqa: DTZ001
def test_an_empty_window_or_one_without_a_zone_is_refused(end):
    with pytest.raises(WindowError):
        Window.of(START, end)


def test_everything_lies_below_the_endpoints_own_folder():
    layout = Layout("s3://bucket/results/loans")
    window = Window.of(START, START + timedelta(hours=1))
    assert layout.verdict("data_quality", window) == "s3://bucket/results/loans/data_quality/2026/03/01/14/verdict.json"
    assert layout.baseline("v1", "data_quality") == "s3://bucket/results/loans/baselines/v1/data_quality"
    assert layout.decision(window, "0123456789abcdef99") == (
        "s3://bucket/results/loans/decisions/2026/03/01/14/0123456789abcdef.json"
    )


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (the strategy adds it)
    st.one_of(st.just(3600), st.integers(1, 10**7)),
)
def test_a_windows_folder_names_the_window(start, seconds):
    window = Window.of(start, start + timedelta(seconds=seconds))
    assert Window.at(window.path) == window


@pytest.mark.parametrize("path", ["", "2026/03/01", "2026/13/01/00", "2026/03/01/14-00-0m", "a/b/c/d"])
def test_other_folders_are_no_windows(path):
    assert Window.at(path) is None
