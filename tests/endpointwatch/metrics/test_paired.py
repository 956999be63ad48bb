from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as judge

from endpointwatch.metrics.paired import LOWER_IS_BETTER, METRICS, gain_interval, measure

JUDGES = {
    "auc": judge.roc_auc_score,
    "log_loss": lambda truth, score, **about: judge.log_loss(truth, score, labels=[0, 1], **about),
    "accuracy": lambda truth, score, **about: judge.accuracy_score(truth, score >= 0.5, **about),
    "f1": lambda truth, score, **about: judge.f1_score(truth, score >= 0.5, zero_division=0.0, **about),
}


def rows(count, seed, *, skill=1.0):
    """Labels, and scores that know them the better the higher the skill."""
    chance = np.random.default_rng(seed)
    truth = (chance.random(count) < 0.4).astype(float)
    return truth, 1 / (1 + np.exp(-(skill * (2 * truth - 1) + chance.normal(size=count))))


@settings(max_examples=40)
@given(
    cells=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(0, 3)), min_size=1, max_size=40),
    name=st.sampled_from(METRICS),
)
def test_every_metric_is_scikit_learns_with_weights_and_ties(cells, name):
    truth, score, weight = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    score /= 20
    classes = {label for label, _, count in cells if count}
    if not classes or (name == "auc" and len(classes) < 2):
        if classes:
            assert measure(name, truth, score, weight) is None
        return
    assert measure(name, truth, score, weight) == pytest.approx(
        JUDGES[name](truth, score, sample_weight=weight), abs=1e-12
    )


@pytest.mark.parametrize("name", METRICS)
def test_the_interval_is_scipys_paired_bootstrap(name):
    truth, better = rows(150, 1, skill=1.5)
    _, worse = rows(150, 2)
    sign = -1 if name in LOWER_IS_BETTER else 1
    found = gain_interval(name, truth, better, worse, confidence=0.9, resamples=2000, seed=0)
    expected = stats.bootstrap(
        (truth, better, worse),
        lambda t, a, b: sign * (measure(name, t, a) - measure(name, t, b)),
        paired=True, vectorized=False, n_resamples=2000, confidence_level=0.9, method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval  # fmt: skip
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.08 * width)
    assert found.high == pytest.approx(expected.high, abs=0.08 * width)


def test_the_same_rows_and_seed_give_the_same_interval_and_another_seed_another():
    truth, better = rows(100, 1)
    _, worse = rows(100, 2)
    about = {"confidence": 0.9, "resamples": 100}
    one = gain_interval("auc", truth, better, worse, seed=1, **about)
    assert one == gain_interval("auc", truth, better, worse, seed=1, **about)
    assert one != gain_interval("auc", truth, better, worse, seed=2, **about)


def test_a_model_is_surely_no_better_than_itself():
    truth, score = rows(80, 3)
    for name in METRICS:
        found = gain_interval(name, truth, score, score, confidence=0.95, resamples=100, seed=0)
        assert (found.low, found.high) == (0.0, 0.0)


def test_pairing_tells_models_apart_that_err_on_the_same_rows():
    # Both see the same noise; the champion's is a little stronger. Rows drawn for each alone would hide that.
    truth, _ = rows(400, 4)
    noise = np.random.default_rng(5).normal(size=400)
    better, worse = (1 / (1 + np.exp(-(2 * truth - 1 + size * noise))) for size in (1.0, 1.6))
    found = gain_interval("log_loss", truth, better, worse, confidence=0.95, resamples=500, seed=0)
    costs = [measure("log_loss", truth[index], model[index]) for model in (worse, better)
             for index in np.random.default_rng(6).integers(0, 400, (200, 400))]  # fmt: skip
    apart = np.percentile(np.subtract(costs[:200], costs[200:]), (2.5, 97.5))
    assert found.low > 0
    assert found.high - found.low < apart[1] - apart[0]


def test_rows_of_almost_one_class_have_no_interval():
    truth = np.array([1.0] + [0.0] * 30)
    score = np.linspace(0, 1, 31)
    assert gain_interval("auc", truth, score, score, confidence=0.9, resamples=200, seed=0) is None


def test_the_interval_misses_the_true_gain_about_as_often_as_it_says():
    # Accuracies of 0.8 and 0.7: the true gain is 0.1.
    missed = 0
    for seed in range(120):
        chance = np.random.default_rng(seed)
        truth = np.ones(200)
        better, worse = ((chance.random(200) < share).astype(float) for share in (0.8, 0.7))
        found = gain_interval("accuracy", truth, better, worse, confidence=0.9, resamples=200, seed=seed)
        missed += not found.low <= 0.1 <= found.high
    assert stats.binomtest(missed, 120, 0.1).pvalue > 0.001
