from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.monitors.texts import java_double


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (100.0, "100.0"),
        (95.65972222222221, "95.65972222222221"),
        (5.09e-4, "5.09E-4"),
        (49990334.0, "4.9990334E7"),
        (1e7, "1.0E7"),
        (9999999.0, "9999999.0"),
        (0.001, "0.001"),
        (-1.5e-9, "-1.5E-9"),
        (1e22, "1.0E22"),
    ],
)
def test_numbers_print_as_java_prints_them(value, text):
    assert java_double(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_is_read_back_exactly(value):
    assert float(java_double(value)) == value
