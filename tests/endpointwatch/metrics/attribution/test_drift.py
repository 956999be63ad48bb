from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import dcg_score

from endpointwatch.metrics.attribution.drift import changes, ndcg, shares

SIZES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=12, unique=True)


def test_the_documented_example():
    # Baseline x 0.70, y 0.10, z 0.20; now the order is z, y, x.
    assert ndcg(np.array([0.7, 0.1, 0.2]), np.array([0.1, 0.2, 0.7])) == pytest.approx(0.6997, abs=5e-5)


@settings(max_examples=60)
@given(values=SIZES, seed=st.integers(0, 10**6))
def test_it_is_the_discounted_gain_of_the_current_order_over_the_best(values, seed):
    baseline = np.array(values)
    now = np.random.default_rng(seed).permutation(len(values)) + 1.0
    ours = ndcg(baseline, now)
    best = dcg_score([baseline], [baseline]) if len(values) > 1 else baseline[0]
    theirs = dcg_score([baseline], [now]) if len(values) > 1 else baseline[0]
    assert ours == pytest.approx(theirs / best)
    assert 0 < ours <= 1 + 1e-12


@settings(max_examples=60)
@given(values=SIZES, factor=st.floats(0.01, 100))
def test_the_same_order_is_one_whatever_the_sizes_and_signs(values, factor):
    assert ndcg(np.array(values), -(np.array(values) ** 2) * factor) == pytest.approx(1.0)


def test_features_that_became_equal_keep_the_baselines_order():
    assert ndcg(np.array([1.0, 3.0, 2.0]), np.array([5.0, 5.0, 5.0])) == pytest.approx(1.0)


def test_without_any_attribution_in_the_baseline_there_is_no_order_to_keep():
    assert ndcg(np.zeros(3), np.array([1.0, 2.0, 3.0])) is None
    assert shares(np.zeros(3)).tolist() == [0, 0, 0]


def test_the_house_price_story():
    """Square Footage was what mattered most, Location least; after the market's shift Location leads."""
    features = ("Square Footage", "Bedrooms", "Location")
    then, now = np.array([0.42, 0.34, 0.24]), np.array([0.35, 0.25, 0.40])
    told = dict(zip(features, changes(then, now), strict=True))
    assert round(told["Square Footage"].percent, 2) == -16.67
    assert round(told["Location"].percent, 2) == 66.67
    assert (told["Location"].baseline_rank, told["Location"].rank) == (3, 1)
    assert (told["Square Footage"].baseline_rank, told["Square Footage"].rank) == (1, 2)
    assert ndcg(then, now) < 0.9


def test_a_share_that_was_nothing_has_no_percentage():
    first, second = changes(np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    assert (first.percent, second.percent) == (-50.0, None)
