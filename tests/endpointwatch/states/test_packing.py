from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.states.packing import RAW, pack, unpack

DECIMALS = st.builds(lambda number, places: number / 10**places, st.integers(-(2**33), 2**33), st.integers(0, 8))
NUMBERS = st.one_of(DECIMALS, st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, -0.0, 5e-324]))


@given(st.lists(NUMBERS, max_size=20))
def test_numbers_come_back_bit_by_bit(values):
    values = np.array(values, np.float64)
    assert unpack(*pack(values)).tobytes() == values.tobytes()


@pytest.mark.parametrize(("values", "places"), [([3.0, -7.0], 0), ([0.25, 8.5], 2), ([0.1 + 0.2], RAW), ([3e9], RAW)])
def test_decimals_of_a_few_places_are_kept_as_whole_numbers(values, places):
    assert pack(np.array(values))[0] == places


def test_amounts_take_half_the_room_of_doubles():
    amounts = np.random.default_rng(1).lognormal(7, 1, 2000).round(2)
    assert len(pack(amounts)[1]) == 4 * 2000
