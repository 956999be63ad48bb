"""Mean and spread of numbers, held against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.states import Moments

NUMBER = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(number=NUMBER, counts=st.lists(st.integers(1, 300), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_constant_does_not_vary_however_many_parts_it_comes_in(number, counts):
    """As on AWS, where the deviation is added up row by row, from one mean to the next."""
    moments = reduce(add, (Moments.of(np.full(count, number)) for count in counts))
    assert (moments.mean, moments.std_dev) == (number, 0.0)


@given(numbers=st.lists(NUMBER, min_size=1, max_size=50), cut=st.integers(0, 50))
@settings(max_examples=100, deadline=None)
def test_moments_of_parts_are_those_of_all(numbers, cut):
    moments = Moments.of(np.array(numbers[:cut])) + Moments.of(np.array(numbers[cut:]))
    exact = [Fraction(number) for number in numbers]
    mean = sum(exact) / len(exact)
    variance = sum((number - mean) ** 2 for number in exact) / len(exact)
    scale = max(map(abs, numbers))
    assert (moments.n, moments.low, moments.high) == (len(numbers), min(numbers), max(numbers))
    assert moments.mean == pytest.approx(float(mean), rel=1e-12, abs=1e-14 * scale)
    assert moments.total == pytest.approx(float(sum(exact)), rel=1e-12, abs=1e-12 * scale)
    assert moments.std_dev**2 == pytest.approx(float(variance), rel=1e-9, abs=1e-20 * scale**2)
