"""Estimates before labels: held against every possible outcome on small cases, and against the truth on large ones."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from endpointwatch.metrics import calibration, cbpe, classification
from endpointwatch.metrics.cbpe import Scored

SMALL = np.array([0.05, 0.2, 0.35, 0.6, 0.7, 0.9])


def scored(score, threshold: float = 0.5) -> Scored:
    score = np.sort(np.asarray(score, float))
    return Scored(score, score, score > threshold, np.ones(score.size, np.int64))


def outcomes(probability):
    """Every way the labels can fall, with its probability."""
    for labels in product((0, 1), repeat=len(probability)):
        chosen = np.array(labels)
        yield chosen, float(np.prod(np.where(chosen == 1, probability, 1 - probability)))


def test_the_expected_confusion_matrix_and_accuracy_are_those_over_every_outcome():
    rows = scored(SMALL)
    matrix, accuracy, second = np.zeros((2, 2)), 0.0, 0.0
    for labels, weight in outcomes(SMALL):
        np.add.at(matrix, (labels, rows.alarm.astype(int)), weight)
        right = accuracy_score(labels, rows.alarm)
        accuracy, second = accuracy + weight * right, second + weight * right**2
    assert rows.matrix() == pytest.approx(matrix)
    estimate = cbpe.binary(rows, seed=1)["accuracy"]
    assert estimate.value == pytest.approx(accuracy)
    assert estimate.error == pytest.approx(np.sqrt(second - accuracy**2), rel=0.25)
    assert 0.0 <= estimate.band[0] < estimate.value < estimate.band[1] <= 1.0


def test_the_expected_curves_area_weighs_every_pair_by_the_chance_that_it_is_one():
    score = np.sort(SMALL)
    pairs = [(high * (1 - low), 1.0) for place, low in enumerate(score) for high in score[place + 1 :]]
    pairs += [(low * (1 - high), 0.0) for place, low in enumerate(score) for high in score[place + 1 :]]
    ties = sum(one * (1 - one) for one in score)
    area = (sum(chance * right for chance, right in pairs) + ties / 2) / (sum(chance for chance, _ in pairs) + ties)
    assert cbpe.binary(scored(SMALL), seed=1)["auc"].value == pytest.approx(area)


def test_with_calibrated_probabilities_the_estimate_is_close_to_what_is_realised():
    generator = np.random.default_rng(20)
    score = np.sort(generator.beta(0.7, 1.3, 40_000))
    labels = (generator.random(score.size) < score).astype(int)
    rows = scored(score)
    estimates = cbpe.binary(rows, seed=5)
    realised = {
        "accuracy": accuracy_score(labels, rows.alarm),
        "f1": f1_score(labels, rows.alarm),
        "auc": roc_auc_score(labels, score),
    }
    for name, value in realised.items():
        assert abs(estimates[name].value - value) < 4 * estimates[name].error, name
        assert estimates[name].error < 0.01
    assert cbpe.binary(rows, seed=5) == estimates


def test_the_estimates_are_nannymls():
    # NannyML 0.13.1, estimate_<name>(y_pred, calibrated) and estimate_roc_auc(calibrated, score) of these very rows.
    theirs = {
        "accuracy": 0.766086070733191,
        "precision": 0.7535908040291148,
        "recall": 0.6864465311946101,
        "f1": 0.718453307720074,
        "true_negative_rate": 0.8273460892832359,
        "auc": 0.8484570041281374,
    }
    score = np.sort([(37 * row % 101 + 0.5) / 101 for row in range(101)])
    ours = cbpe.binary(Scored(score, score**1.3, score > 0.6, np.ones(101, np.int64)), seed=0)
    for name, value in theirs.items():
        # NannyML rounds the curve's points to five digits.
        assert ours[name].value == pytest.approx(value, abs=1e-6 if name == "auc" else 1e-12), name


def test_bands_hold_what_chance_does_about_as_often_as_they_say():
    generator = np.random.default_rng(8)
    held = 0
    for trial in range(60):
        score = np.sort(generator.random(300))
        labels = (generator.random(score.size) < score).astype(int)
        rows = scored(score)
        low, high = cbpe.binary(rows, seed=trial)["accuracy"].band
        held += low <= accuracy_score(labels, rows.alarm) <= high
    assert held >= 51  # of 60 at 95 %; fewer would be a chance of one in ten thousand


def test_many_classes_are_estimated_from_the_sums_of_their_probabilities():
    generator = np.random.default_rng(2)
    probabilities = generator.dirichlet([0.5, 0.7, 1.0], 5_000)
    predicted = probabilities.argmax(axis=1)
    actual = np.array([generator.choice(3, p=row) for row in probabilities])
    expected, variance, real = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    np.add.at(expected.T, predicted, probabilities)
    np.add.at(variance.T, predicted, probabilities * (1 - probabilities))
    np.add.at(real, (actual, predicted), 1)
    estimates = cbpe.multiclass(expected, variance, seed=3)
    realised = classification.multiclass(real)
    for name in ("accuracy", "weighted_f1", "weighted_recall"):
        assert abs(estimates[name].value - realised[name]) < 4 * estimates[name].error, name


def test_scores_that_lie_are_calibrated_on_the_baseline_and_honest_ones_are_left_alone():
    generator = np.random.default_rng(4)
    honest = np.sort(generator.random(6_000))
    labels = (generator.random(honest.size) < honest).astype(np.int64)
    lying = honest**3
    learnt = calibration.learn(lying, labels, 1 - labels, seed=1)
    assert learnt.method == "isotonic"
    assert learnt.error_after < learnt.error_before / 3
    assert learnt(lying) == pytest.approx(honest, abs=0.15)
    assert (np.diff(learnt(lying)) >= 0).all()
    few = calibration.learn(np.array([0.2, 0.8]), np.array([1, 1]), np.array([1, 0]), seed=1)
    assert (few.method, few.error_before) == ("none", None)
    assert few(np.array([0.3])).tolist() == [0.3]


def test_the_calibration_error_of_the_truth_is_small_and_of_a_lie_its_size():
    count = np.full(1000, 100)
    share = np.linspace(0.05, 0.95, 1000)
    positives = np.round(share * 100).astype(np.int64)
    assert calibration.calibration_error(positives / 100, positives, count - positives) == pytest.approx(0.0, abs=1e-12)
    lie = np.clip(positives / 100 - 0.03, 0, 1)
    assert calibration.calibration_error(lie, positives, count - positives) == pytest.approx(0.03, abs=1e-3)


def test_neighbouring_scores_made_one_keep_rows_and_expected_rows():
    rows = scored(np.random.default_rng(1).random(10_000))
    grouped = rows.grouped(100)
    assert grouped.count.size <= 200
    assert grouped.count.sum() == 10_000
    assert grouped.matrix() == pytest.approx(rows.matrix())
