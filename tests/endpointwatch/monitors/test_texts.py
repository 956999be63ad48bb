from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.monitors import texts
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
        (-0.0, "-0.0"),
        (1e-5, "1.0E-5"),
        (123456789.125, "1.23456789125E8"),
    ],
)
def test_numbers_print_as_java_prints_them(value, text):
    assert java_double(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_is_read_back_exactly(value):
    assert float(java_double(value)) == value


# Each as a recorded constraint_violations.json has it; tools parse them.
SENTENCES = {
    texts.data_type("Integral", 1.0, 287 / 288): (
        "Data type match requirement is not met. Expected data type: Integral, Expected match: 100.0%. "
        "Observed: Only 99.65277777777779% of data is Integral."
    ),
    texts.data_type("Fractional", 0.9, 0.0): (
        "Data type match requirement is not met. Expected data type: Fractional, Expected match: 90.0%. "
        "Observed: Only 0.0% of data is Fractional."
    ),
    texts.completeness(1.0, 1102 / 1152): (
        "Data completeness requirement is not met. Expected: 100.0%. Observed: Only 95.65972222222221%."
    ),
    texts.categorical_values(1.0, 0.875): (
        "Categorical value match requirement is not met. Expected match: 100.0%. "
        "Observed: 87.5% of the values match the known values."
    ),
    texts.baseline_drift(0.2312, 0.1): "Baseline drift distance: 0.2312 exceeds threshold: 0.1",
    texts.columns("extra", 71, 70): (
        "There are extra columns in current dataset. Number of columns in current dataset: 71, "
        "Number of columns in baseline constraints: 70"
    ),
    texts.columns("missing", 69, 70): (
        "There are missing columns in current dataset. Number of columns in current dataset: 69, "
        "Number of columns in baseline constraints: 70"
    ),
    texts.bias_drift(0.31, 0.2): "Metric value 0.31 doesn't meet the baseline constraint requirement 0.2",
    texts.bias_drift(float("inf"), -2.5): "Metric value Infinity doesn't meet the baseline constraint requirement -2.5",
}


@pytest.mark.parametrize(("ours", "awss"), SENTENCES.items())
def test_sentences_are_awss_word_for_word(ours, awss):
    assert ours == awss
