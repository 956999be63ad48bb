"""Metrics of model quality, held against scikit-learn's on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as judge

from endpointwatch.metrics import classification, draws, regression
from endpointwatch.metrics.ranking import Curves

FEW = settings(max_examples=40, deadline=None)
MATRICES = st.integers(2, 5).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 30), min_size=size, max_size=size), min_size=size, max_size=size)
)


def rows_of(matrix: np.ndarray) -> tuple[list[int], list[int]]:
    pairs = [(a, p) for a, row in enumerate(matrix) for p, count in enumerate(row) for _ in range(count)]
    return [a for a, _ in pairs], [p for _, p in pairs]


@FEW
@given(MATRICES, st.integers(0, 1))
def test_binary_metrics_are_scikit_learns(numbers, positive):
    matrix = np.array(numbers)[:2, :2]
    if not matrix.sum():
        return
    actual, predicted = rows_of(matrix)
    ours = classification.binary(matrix, positive)
    how = {"pos_label": positive, "zero_division": 0.0}
    assert ours["recall"] == pytest.approx(judge.recall_score(actual, predicted, **how), abs=1e-12)
    assert ours["precision"] == pytest.approx(judge.precision_score(actual, predicted, **how), abs=1e-12)
    assert ours["accuracy"] == pytest.approx(judge.accuracy_score(actual, predicted), abs=1e-12)
    other = {"pos_label": 1 - positive, "zero_division": 0.0}
    assert ours["true_negative_rate"] == pytest.approx(judge.recall_score(actual, predicted, **other), abs=1e-12)
    assert ours["true_positive_rate"] == ours["recall"]
    for name, beta in classification.BETAS:
        expected = judge.fbeta_score(actual, predicted, beta=beta, **how)
        assert ours[name] == pytest.approx(expected, abs=1e-12), name


@FEW
@given(MATRICES)
def test_multiclass_metrics_are_scikit_learns_weighted_averages(numbers):
    matrix = np.array(numbers)
    if not matrix.sum():
        return
    actual, predicted = rows_of(matrix)
    ours = classification.multiclass(matrix)
    for name, beta in classification.BETAS:
        precision, recall, f_score, _ = judge.precision_recall_fscore_support(
            actual, predicted, beta=beta, average="weighted", zero_division=0.0
        )
        assert ours["weighted_precision"] == pytest.approx(precision, abs=1e-12)
        assert ours["weighted_recall"] == pytest.approx(recall, abs=1e-12)
        assert ours[f"weighted_{name}"] == pytest.approx(f_score, abs=1e-12)
    assert ours["accuracy"] == pytest.approx(judge.accuracy_score(actual, predicted), abs=1e-12)


@FEW
@given(MATRICES)
def test_the_best_constant_classifier_is_the_dummy_that_answers_the_majority(numbers):
    matrix = np.array(numbers)
    if not matrix.sum():
        return
    constant = classification.best_constant(matrix)
    assert (constant.sum(axis=1) == matrix.sum(axis=1)).all()
    assert classification.multiclass(constant)["accuracy"] == pytest.approx(matrix.sum(axis=1).max() / matrix.sum())


SCORED = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=60)


def curves(rows: list[tuple[int, bool]]) -> Curves | None:
    ordered = sorted(rows)
    score = np.array([score / 12 for score, _ in ordered])
    yes = np.array([int(label) for _, label in ordered])
    return Curves.of(score, yes, 1 - yes)


@FEW
@given(SCORED)
def test_curves_and_areas_are_scikit_learns_at_every_distinct_score(rows):
    ours = curves(rows)
    labels, scores = [label for _, label in rows], [score for score, _ in rows]
    if len(set(labels)) < 2:
        assert ours is None
        return
    false, true, _ = judge.roc_curve(labels, scores, drop_intermediate=False)
    assert ours.false_positive_rates == pytest.approx(false, abs=1e-12)
    assert ours.true_positive_rates == pytest.approx(true, abs=1e-12)
    assert ours.auc == pytest.approx(judge.roc_auc_score(labels, scores), abs=1e-12)
    precision, recall, _ = judge.precision_recall_curve(labels, scores)
    # scikit-learn goes from the lowest score to the highest and ends in (0, 1); AWS begins with the first precision.
    assert ours.precisions[1:] == pytest.approx(precision[-2::-1], abs=1e-12)
    assert ours.true_positive_rates[1:] == pytest.approx(recall[-2::-1], abs=1e-12)
    assert (ours.true_positive_rates[0], ours.precisions[0]) == (0.0, ours.precisions[1])
    assert ours.au_prc == pytest.approx(judge.auc(ours.true_positive_rates, ours.precisions), abs=1e-12)


def test_a_thinned_curve_keeps_its_ends_and_its_area():
    generator = np.random.default_rng(0)
    score = np.sort(generator.random(50_000))
    yes = (generator.random(50_000) < score).astype(int)
    whole = Curves.of(score, yes, 1 - yes)
    thin = whole.thinned()
    assert thin.precisions.size == 1001  # and the start
    assert (thin.false_positive_rates[0], thin.false_positive_rates[-1]) == (0.0, 1.0)
    assert thin.auc == pytest.approx(whole.auc, abs=1e-4)
    assert curves([(1, True), (2, False)]).thinned().precisions.size == 3


PAIRS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=40)


@FEW
@given(PAIRS)
def test_regression_errors_are_scikit_learns_from_pairs_and_from_sums(pairs):
    actual, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    ours = regression.of_pairs(actual, predicted, np.ones(actual.size, np.int64))
    assert ours["mae"] == pytest.approx(judge.mean_absolute_error(actual, predicted))
    assert ours["rmse"] == pytest.approx(judge.root_mean_squared_error(actual, predicted))
    error, spread = actual - predicted, float(np.square(actual - actual.mean()).sum())
    sums = regression.of_sums(actual.size, float(np.abs(error).sum()), float(np.square(error).sum()), spread)
    for name in ("mae", "mse", "rmse"):
        assert sums[name] == pytest.approx(ours[name], rel=1e-9)
    if len(set(actual)) > 1:
        assert ours["r2"] == pytest.approx(judge.r2_score(actual, predicted), rel=1e-9, abs=1e-9)
    else:
        assert ours["r2"] is None


def test_deviations_are_those_of_draws_without_replacement():
    right, rows = 700, 1000
    count = np.array([right, rows - right])

    def measure(drawn):
        assert drawn.sum() == 800
        return {"accuracy": float(drawn[0] / drawn.sum()), "none": None}

    told = [draws.deviations(count, measure, seed=seed) for seed in range(200)]
    share = right / rows
    theory = np.sqrt(share * (1 - share) / 800 * (rows - 800) / (rows - 1))
    assert np.sqrt(np.mean([one["accuracy"] ** 2 for one in told])) == pytest.approx(theory, rel=0.1)
    assert all(one["none"] is None for one in told)
    assert draws.deviations(count, measure, seed=1) == told[1]
