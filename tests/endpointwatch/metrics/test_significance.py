from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from endpointwatch.metrics.significance import (
    benjamini_hochberg,
    cramers_v,
    glass_delta,
    homogeneity,
    kolmogorov,
    kolmogorov_smirnov,
)

P_VALUES = st.lists(st.floats(0, 1), max_size=40)
COUNTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(60, 500), min_size=2)


@given(st.floats(0, 30))
def test_the_kolmogorov_distribution_is_scipys(x):
    assert kolmogorov(x) == pytest.approx(special.kolmogorov(x), rel=1e-10, abs=1e-14)


@given(st.integers(20, 400), st.integers(20, 400), st.floats(-1, 1), st.integers(0, 2**32 - 1))
def test_the_kolmogorov_smirnov_p_value_is_close_to_scipys_exact_one(n, m, shift, seed):
    rng = np.random.default_rng(seed)
    exact = stats.ks_2samp(rng.normal(size=n), rng.normal(shift, 1, m), method="exact")
    assert kolmogorov_smirnov(exact.statistic, n, m) == pytest.approx(exact.pvalue, rel=0.35, abs=0.02)


def test_the_kolmogorov_smirnov_p_value_of_large_samples_is_scipys():
    rng = np.random.default_rng(3)
    asymptotic = stats.ks_2samp(rng.normal(size=60_000), rng.normal(0.008, 1, 50_000), method="asymp")
    assert kolmogorov_smirnov(asymptotic.statistic, 60_000, 50_000) == pytest.approx(asymptotic.pvalue, rel=0.02)


def test_about_five_of_a_hundred_samples_of_one_distribution_are_significant_at_five_percent():
    rng = np.random.default_rng(5)
    chances = [
        kolmogorov_smirnov(stats.ks_2samp(*rng.normal(size=(2, 300)), method="asymp").statistic, 300, 300)
        for _ in range(1000)
    ]
    assert 0.03 < np.mean(np.array(chances) <= 0.05) < 0.07


@given(COUNTS, st.data())
def test_the_chi_squared_test_of_frequent_categories_is_scipys(one, data):
    two = {key: data.draw(st.integers(60, 500)) for key in one}
    table = [[one[key] for key in one], [two[key] for key in one]]
    result = stats.chi2_contingency(table, correction=False)
    assert homogeneity(one, two) == pytest.approx(result.pvalue, rel=1e-6, abs=1e-12)
    assert cramers_v(one, two) == pytest.approx(stats.contingency.association(table, method="cramer"), abs=1e-9)


def test_rare_categories_are_merged_until_each_is_expected_five_times_in_both_samples():
    one, two = {"a": 500, "b": 480, "c": 11, "d": 9}, {"a": 240, "b": 250, "new": 6, "c": 4}
    merged = stats.chi2_contingency([[500, 480, 11, 9], [240, 250, 4, 6]], correction=False)
    assert homogeneity(one, two) == pytest.approx(merged.pvalue)


@pytest.mark.parametrize(("one", "two"), [({"a": 9}, {"a": 9}), ({"a": 2, "b": 1}, {"c": 3}), ({"a": 900}, {"b": 1})])
def test_too_few_rows_to_tell_categories_apart_are_no_evidence(one, two):
    assert homogeneity(one, two) == 1.0
    assert 0.0 <= cramers_v(one, two) <= 1.0


@given(P_VALUES)
def test_adjusted_p_values_are_scipys(chances):
    expected = stats.false_discovery_control(chances, method="bh").tolist() if chances else []
    assert benjamini_hochberg(chances) == pytest.approx(expected)


@given(P_VALUES, st.randoms())
def test_adjusting_never_makes_a_p_value_smaller_and_does_not_look_at_their_order(chances, random):
    adjusted = dict(zip(chances, benjamini_hochberg(chances), strict=True))
    assert all(before <= after <= 1.0 for before, after in adjusted.items())
    shuffled = random.sample(chances, len(chances))
    assert dict(zip(shuffled, benjamini_hochberg(shuffled), strict=True)) == adjusted


def test_glass_delta_counts_in_the_baselines_standard_deviations():
    assert glass_delta(10.0, 2.0, 13.0) == 1.5
    assert glass_delta(10.0, 0.0, 13.0) is None
    assert glass_delta(10.0, math.nan, 13.0) is None
