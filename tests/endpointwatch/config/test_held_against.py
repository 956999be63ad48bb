from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from endpointwatch.config.held_against import HeldAgainst, RollingBaseline, SameHourLastWeeksBaseline
from endpointwatch.config.window import Window

WINDOW = Window.of(datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))


@given(st.integers(1, 50))
def test_rolling_windows_lie_side_by_side_right_before_the_window(count):
    found = RollingBaseline(windows=count).earlier(WINDOW)
    assert len(found) == count
    assert [one.end for one in found] == [one.start for one in (*found[1:], WINDOW)]


def test_the_same_hour_of_the_weeks_before_is_the_same_hour_of_the_same_weekday():
    found = SameHourLastWeeksBaseline(weeks=3).earlier(WINDOW)
    assert [one.path for one in found] == ["2026/02/08/14", "2026/02/15/14", "2026/02/22/14"]


@pytest.mark.parametrize(("told", "least"), [({}, 12), ({"windows": 5}, 3), ({"windows": 5, "minimum_windows": 1}, 1)])
def test_half_of_the_windows_are_needed_unless_the_file_says_otherwise(told, least):
    asked = TypeAdapter(HeldAgainst).validate_python({"kind": "rolling", **told})
    assert asked.least == least
