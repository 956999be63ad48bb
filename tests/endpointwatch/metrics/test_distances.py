from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from endpointwatch.metrics.distances import (
    categorical,
    chi_squared,
    numeric,
    numeric_at_most,
    robust,
    upper_gamma,
)
from endpointwatch.metrics.samples import Weighted
from endpointwatch.states import Kll

SAMPLES = st.lists(st.integers(-5, 5), min_size=1, max_size=60)


def sample(values: list[int]) -> Weighted:
    return Weighted(*Kll().extend(np.array(values, float)).weighted())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SciPy's p-value, which is not looked at
@given(SAMPLES, SAMPLES)
def test_the_numeric_distance_is_the_two_sample_kolmogorov_smirnov_statistic(one, two):
    distance, n, m = numeric(sample(one), sample(two))
    assert distance == pytest.approx(stats.ks_2samp(one, two).statistic, abs=1e-12)
    assert (n, m) == (len(one), len(two))


def test_the_distance_of_large_samples_is_that_of_all_rows_to_the_sketchs_precision():
    rng = np.random.default_rng(11)
    one, two = rng.normal(size=100_000), rng.normal(0.3, 1.2, 80_000)
    ours, n, m = numeric(*(Weighted(*Kll().extend(values).weighted()) for values in (one, two)))
    assert ours == pytest.approx(stats.ks_2samp(one, two).statistic, abs=0.02)
    assert (n, m) == (100_000, 80_000)


@given(SAMPLES, SAMPLES)
def test_distances_are_symmetric_and_zero_for_the_same_sample(one, two):
    assert numeric(sample(one), sample(two))[0] == pytest.approx(numeric(sample(two), sample(one))[0])
    assert numeric(sample(one), sample(one))[0] == 0.0
    counts = {str(value): one.count(value) for value in one}
    others = {str(value): two.count(value) for value in two}
    assert categorical(counts, others)[0] == pytest.approx(categorical(others, counts)[0])
    assert categorical(counts, counts)[0] == 0.0


@given(SAMPLES, SAMPLES)
def test_the_categorical_distance_is_the_largest_difference_of_shares(one, two):
    counts = {str(value): one.count(value) for value in one}
    others = {str(value): two.count(value) for value in two}
    expected = max(abs(one.count(v) / len(one) - two.count(v) / len(two)) for v in {*one, *two})
    assert categorical(counts, others)[0] == pytest.approx(expected)


NUMBERS = st.lists(st.one_of(st.integers(-3, 3), st.floats(-1, 1), st.floats(-1e308, 1e308)), min_size=1, max_size=300)


@given(NUMBERS, NUMBERS, st.randoms(use_true_random=False))
def test_no_distance_is_above_its_bound(one, two, shuffle):
    before = sample(one)
    values, weights = Kll(k=16).extend(np.array(two, float)).stored()
    order = shuffle.sample(range(values.size), values.size)
    bound = numeric_at_most(before, values[order], weights[order])
    ascending = np.argsort(values)
    assert numeric(before, Weighted(values[ascending], weights[ascending]))[0] <= bound


def test_the_bound_of_many_different_numbers_is_close():
    rng = np.random.default_rng(5)
    before, after = (Kll().extend(rng.normal(size=size)) for size in (50_000, 2_000))
    distance, _, _ = numeric(Weighted(*before.weighted()), Weighted(*after.weighted()))
    assert distance <= numeric_at_most(Weighted(*before.weighted()), *after.stored()) < distance + 0.03


def test_collapsing_equal_values_hides_the_drift_of_a_flag_and_counting_rows_shows_it():
    before, after = sample([0] * 500 + [1] * 500), sample([1] * 1000)
    distance, n, m = numeric(before, after)
    assert robust(distance, n, m) > 0.4
    distance, n, m = numeric(before.one_per_value, after.one_per_value)
    assert (n, m) == (2, 1)
    assert robust(distance, n, m) == 0.0


@given(st.floats(0, 1), st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_robust_distance_is_never_negative_and_never_larger(distance, n, m):
    assert 0.0 <= robust(distance, n, m) <= distance
    assert robust(distance, n, m) == max(0.0, distance - 1.8 * math.sqrt(1 / n + 1 / m)) or math.isclose(
        robust(distance, n, m), max(0.0, distance - 1.8 * math.sqrt(1 / n + 1 / m)), abs_tol=1e-12
    )


@given(st.floats(0.5, 60), st.floats(0, 400))
def test_the_upper_gamma_function_is_scipys(a, x):
    assert upper_gamma(a, x) == pytest.approx(special.gammaincc(a, x), rel=1e-9, abs=1e-300)


COUNTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(60, 500), min_size=2)


@given(COUNTS, st.data())
def test_the_chi_squared_p_value_is_scipys_where_every_category_is_frequent(baseline, data):
    current = {key: data.draw(st.integers(60, 500)) for key in baseline}
    known = sum(current.values())
    expected = [count / sum(baseline.values()) * known for count in baseline.values()]
    if min(expected) < 10:
        return
    result = stats.chisquare([current[key] for key in baseline], expected)
    assert chi_squared(baseline, current) == pytest.approx(result.pvalue, rel=1e-6, abs=1e-12)


def test_small_categories_are_merged_and_unknown_ones_left_out():
    baseline, current = {"a": 500, "b": 480, "c": 3, "d": 2}, {"a": 50, "b": 47, "c": 1, "new": 900}
    merged = stats.chisquare([50, 48], [500 / 985 * 98, 485 / 985 * 98])
    assert chi_squared(baseline, current) == pytest.approx(merged.pvalue)


@pytest.mark.parametrize(("baseline", "current"), [({"a": 9}, {"a": 9}), ({"a": 5, "b": 5}, {"c": 3}), ({}, {})])
def test_fewer_than_two_categories_give_no_p_value(baseline, current):
    assert chi_squared(baseline, current) is None


@pytest.mark.parametrize(
    ("current", "tested"), [({"x": 100}, False), ({"x": 90, "y": 10}, True), ({"x": 100, "unknown": 1}, True)]
)
def test_the_library_tests_nothing_where_one_category_is_left_though_that_is_the_largest_change(current, tested):
    """Source: awslabs/deequ, ``Distance.scala``: it asks how many categories the regrouped *sample* has."""
    baseline = {"x": 50, "y": 50}
    assert chi_squared(baseline, current) < 1e-9
    assert (chi_squared(baseline, current, strict=True) is not None) is tested


def test_the_library_counts_a_vanished_category_that_a_small_one_was_merged_into():
    """Source: awslabs/deequ, ``Distance.scala``, ``regroupCategories``: merging writes the category into the sample."""
    baseline = {"x": 900, "y": 90, "z": 5, "w": 5}
    assert chi_squared(baseline, {"x": 200, "w": 1}, strict=True) is not None
    assert chi_squared(baseline, {"x": 200}, strict=True) is not None
