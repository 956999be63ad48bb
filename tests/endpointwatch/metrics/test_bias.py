"""Laws of the bias metrics; their values are judged by smclarify in ``monitors/test_bias_oracle.py``."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import KNeighborsClassifier

from endpointwatch.metrics.bias.catalogue import METRICS, POST_TRAINING, PRE_TRAINING
from endpointwatch.metrics.bias.flip_test import ft
from endpointwatch.metrics.bias.ratios import NotComputableError
from endpointwatch.metrics.bias.slices import Slice

COUNTS = arrays(np.int64, (3, 2, 3, 3), elements=st.integers(0, 40))
COUNTED = [metric for metric in METRICS.values() if metric.of is not None]
# Differences between a group and the others: they change their sign when the two change places.
ANTISYMMETRIC = {"CI", "DPL", "AD", "DAR", "DCA", "DCR", "DPPL", "DRR", "RD", "SD", "TE"}
SYMMETRIC = {"JS", "KS", "LP", "TVD", "GE"}


def value(metric, counts):
    try:
        return metric.of(Slice(counts))
    except NotComputableError:
        return None


@settings(max_examples=60)
@given(COUNTS)
def test_when_the_group_and_the_others_change_places_differences_change_their_sign(counts):
    for metric in COUNTED:
        here, there = value(metric, counts), value(metric, counts[:, ::-1])
        if metric.name in ANTISYMMETRIC:
            assert (here is None) == (there is None), metric.name
            assert here is None or here == pytest.approx(-there), metric.name
        elif metric.name in SYMMETRIC:
            assert here is None or here == pytest.approx(there), metric.name
        elif metric.name == "DI" and here not in (None, 0.0, math.inf):
            assert here == pytest.approx(1 / there)


@settings(max_examples=60)
@given(COUNTS, st.integers(2, 9))
def test_the_same_rows_many_times_over_give_the_same_value(counts, times):
    for metric in COUNTED:
        assert value(metric, counts * times) == pytest.approx(value(metric, counts)), metric.name


@settings(max_examples=60)
@given(arrays(np.int64, (3, 1, 3, 3), elements=st.integers(1, 40)))
def test_a_group_treated_as_the_others_are_shows_the_neutral_value(side):
    counts = np.concatenate([side, side], axis=1)
    for metric in COUNTED:
        if metric.name not in ("GE", "CDDL", "CDDPL"):
            assert value(metric, counts) == pytest.approx(metric.neutral, abs=1e-12), metric.name
    # Conditional disparity too, when every group is alike on both sides.
    assert value(METRICS["CDDL"], counts) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("metric", COUNTED, ids=lambda metric: metric.name)
@pytest.mark.parametrize("side", [0, 1])
def test_an_empty_side_has_no_value(metric, side):
    if metric.name in ("GE", "CDDL", "CDDPL"):
        return  # these do not compare the two sides' own rates
    counts = np.full((2, 2, 3, 3), 5)
    counts[:, side] = 0
    with pytest.raises(NotComputableError):
        metric.of(Slice(counts))


def test_there_are_21_each_stage_alphabetical_and_described_as_in_clarifys_files():
    assert [metric.name for metric in PRE_TRAINING] == ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
    names = ["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE"]
    assert [metric.name for metric in POST_TRAINING] == names
    assert METRICS["KL"].description == "Kullback-Liebler Divergence (KL)"


def test_the_sentence_says_which_side_fares_worse():
    assert METRICS["DI"].sentence(0.5, "gender = f").startswith("gender = f is accepted less often")
    assert METRICS["DI"].sentence(2.0, "gender = f").startswith("gender = f is accepted more often")
    assert METRICS["DPPL"].sentence(0.1, "gender = f").startswith("gender = f is accepted less often")
    assert "no difference" in METRICS["RD"].sentence(0.0, "gender = f")
    assert all("{" not in metric.sentence(sign, "x") for metric in METRICS.values() for sign in (-1.0, 0.5, 2.0))


def test_a_ratio_is_as_far_from_equal_treatment_in_both_directions():
    di = METRICS["DI"]
    assert di.size(0.5) == pytest.approx(di.size(2.0))
    assert di.size(0.0) == di.size(math.inf) == math.inf
    assert di.size(1.0) == 0.0


@settings(max_examples=40)
@given(st.data(), st.integers(2, 60), st.integers(1, 3), st.sampled_from([2, 1000]))
def test_the_flip_test_asks_the_neighbours_that_scikit_learn_finds(data, rows, columns, values):
    """Few different values make ties, many make none: the quick search and the slow one must agree."""
    whole = st.integers(0, values)
    features = data.draw(arrays(np.int64, (rows, columns), elements=whole)).astype(float)
    facet, predicted = (data.draw(arrays(np.bool_, rows)) for _ in range(2))
    if facet.all() or not facet.any():
        with pytest.raises(NotComputableError):
            ft(features, facet, predicted)
        return
    others, group = features[~facet], features[facet]
    judge = KNeighborsClassifier(5 if len(others) > 9 else 1).fit(others, predicted[~facet])
    asked = judge.predict(group)
    own = predicted[facet]
    expected = ((own & ~asked).sum() - (~own & asked).sum()) / len(group)
    assert ft(features, facet, predicted) == pytest.approx(expected)
