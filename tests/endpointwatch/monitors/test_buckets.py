"""Ten buckets: their edges and counts by the rows, and by the library's rules where `aws_compatible` asks for those."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.monitors.statistics import buckets
from endpointwatch.states import Kll

FINITE = st.floats(-1e9, 1e9).map(lambda value: round(value, 2))


def of(values, *, strict=False):
    return buckets(Kll().extend(np.array(values, float)), min(values), max(values), strict=strict)


@settings(max_examples=60)
@given(st.lists(FINITE, min_size=1, max_size=50))
def test_by_default_every_row_is_in_a_bucket(values):
    assert sum(bucket["count"] for bucket in of(values)) == len(values)


@settings(max_examples=60)
@given(st.lists(FINITE, min_size=1, max_size=50))
def test_strict_buckets_are_those_of_the_librarys_loop(values):
    """Source: awslabs/deequ, ``KLLSketch.scala``, ``computeMetricFrom``, and ``KLLRunner.scala``, ``updateUntyped``."""
    low, high = min(2147483647.0, *values), max(-2147483648.0, *values)
    expected = []
    for i in range(10):
        lower, upper = low + (high - low) * i / 10.0, low + (high - low) * (i + 1) / 10.0
        upto = (lambda v, u=upper: v <= u) if i == 9 else (lambda v, u=upper: v < u)
        count = sum(map(upto, values)) - sum(value < lower for value in values)
        expected.append({"lower_bound": lower, "upper_bound": upper, "count": float(count)})
    assert of(values, strict=True) == expected


def test_a_last_edge_that_is_rounded_to_less_than_the_maximum_leaves_it_out_only_where_strict():
    """Source: awslabs/deequ, ``KLLSketch.scala``: the last count is of values up to the edge, not up to the maximum."""
    low, high = 0.1, 0.41
    edge = low + (high - low) * 10 / 10.0
    assert edge < high
    assert [of([low, high])[-1][key] for key in ("upper_bound", "count")] == [edge, 1.0]
    assert [of([low, high], strict=True)[-1][key] for key in ("upper_bound", "count")] == [edge, 0.0]


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [([1.7e12, 1.8e12], 2147483647.0, 1.8e12), ([-4e9, -3e9], -4e9, -2147483648.0), ([-4e9, 4e9], -4e9, 4e9)],
)
def test_strict_buckets_reach_to_the_ints_that_the_librarys_search_begins_at(values, low, high):
    """Source: awslabs/deequ, ``KLLRunner.scala``: ``min`` begins at Int.MaxValue, ``max`` at Int.MinValue."""
    strict, own = of(values, strict=True), of(values)
    assert (strict[0]["lower_bound"], strict[-1]["upper_bound"]) == (low, high)
    assert (own[0]["lower_bound"], own[-1]["upper_bound"]) == tuple(values)
