"""Shapley values against brute force, and against the library `shap`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from endpointwatch.errors import BudgetError, ModelError
from endpointwatch.metrics.attribution import sampling, sigmoid
from endpointwatch.metrics.attribution.explain import Asked, explain
from endpointwatch.metrics.attribution.explanation import Explanation, aggregate

FEATURES = 5
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, FEATURES))
Y = (X[:, 0] + X[:, 1] * X[:, 2] + RANDOM.normal(size=200) * 0.3 > 0).astype(int)
CLASSES = Y + (X[:, 1] > 0)
HOLES = np.where(RANDOM.random(X.shape) < 0.1, np.nan, X)


@dataclass
class Wrapped:
    """An estimator as the explainers see it."""

    estimator: Any

    def predict(self, rows: Any) -> Any:
        if not hasattr(self.estimator, "predict_proba"):
            return self.estimator.predict(rows)[:, None]
        told = self.estimator.predict_proba(rows)
        return told[:, 1:] if told.shape[1] == 2 else told


@dataclass
class Opaque:
    """A function that nothing is known about."""

    function: Any
    estimator: None = None

    def predict(self, rows: Any) -> Any:
        return self.function(rows)


def brute(predict: Any, row: Any, baseline: Any) -> Any:
    """Shapley values by the definition, shape ``(features, outputs)``."""
    count = len(row)
    members = np.array(list(product([False, True], repeat=count)))
    told = predict(np.where(members, row, baseline))
    value = dict(zip(map(tuple, members), told, strict=True))
    found = np.zeros((count, told.shape[1]))
    for coalition in members:
        size = coalition.sum()
        for feature in np.flatnonzero(~coalition):
            joined = coalition.copy()
            joined[feature] = True
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            found[feature] += weight * (value[tuple(joined)] - value[tuple(coalition)])
    return found


def odds(predict: Any) -> Any:
    return lambda rows: np.log(predict(rows) / (1 - predict(rows)))


LOGISTIC = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()).fit(HOLES, Y)
BOOSTED = HistGradientBoostingClassifier(max_iter=15, random_state=0).fit(X, Y)
MODELS = [
    pytest.param(LOGISTIC, HOLES, False, "linear", id="logistic pipeline, probability"),
    pytest.param(LOGISTIC, HOLES, True, "linear", id="logistic pipeline, log-odds"),
    pytest.param(LinearRegression().fit(X, X[:, 0]), X, False, "linear", id="linear regression"),
    pytest.param(LogisticRegression().fit(X, CLASSES), X, False, "enumeration", id="three classes"),
    pytest.param(
        make_pipeline(PolynomialFeatures(), LogisticRegression()).fit(X, Y), X, False, "enumeration", id="mixed columns"
    ),
    pytest.param(DecisionTreeRegressor(max_depth=4).fit(X, Y), X, False, "tree_shap", id="tree"),
    pytest.param(RandomForestClassifier(8, random_state=0).fit(X, Y), X, False, "tree_shap", id="forest"),
    pytest.param(
        make_pipeline(StandardScaler(), RandomForestClassifier(8, random_state=0)).fit(X, CLASSES),
        X, False, "tree_shap", id="scaled forest of three classes",
    ),
    pytest.param(
        HistGradientBoostingRegressor(max_iter=8, random_state=0).fit(X, X[:, 0]), X, False, "tree_shap", id="boosted"
    ),
    pytest.param(BOOSTED, X, True, "tree_shap", id="boosted classifier, log-odds"),
    pytest.param(BOOSTED, X, False, "enumeration", id="boosted classifier, probability"),
    pytest.param(
        HistGradientBoostingClassifier(max_iter=8, random_state=0).fit(HOLES, Y), HOLES, True, "enumeration",
        id="boosted classifier with missing values",
    ),
    pytest.param(
        GradientBoostingClassifier(n_estimators=8, random_state=0).fit(X, CLASSES), X, False, "enumeration",
        id="boosted classifier of three classes",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("estimator", "data", "use_logit", "method"), MODELS)
def test_values_are_those_of_the_definition_for_every_kind_of_model(estimator, data, use_logit, method):
    model, rows, baseline = Wrapped(estimator), data[:4], np.nanmean(data, axis=0)
    found = explain(model, rows, baseline[None], Asked(use_logit=use_logit))
    predict = odds(model.predict) if use_logit else model.predict
    assert (found.method, found.exact) == (method, True)
    assert found.values == pytest.approx(np.array([brute(predict, row, baseline) for row in rows]), abs=1e-6)
    assert found.gap < 1e-6
    assert found.outputs == pytest.approx(predict(rows))
    assert found.expected == pytest.approx(predict(baseline[None])[0])


def test_linear_and_tree_models_have_the_values_of_the_library_shap():
    import shap  # noqa: PLC0415 - takes seconds; one test needs it

    baseline = X.mean(axis=0)[None]
    linear = LogisticRegression().fit(X, Y)
    ours = explain(Wrapped(linear), X, baseline, Asked(use_logit=True)).values[:, :, 0]
    assert ours == pytest.approx(shap.LinearExplainer(linear, baseline).shap_values(X), abs=1e-6)
    ours = explain(Wrapped(BOOSTED), X, baseline, Asked(use_logit=True)).values[:, :, 0]
    assert ours == pytest.approx(shap.TreeExplainer(BOOSTED, baseline).shap_values(X), abs=1e-6)
    forest = RandomForestClassifier(8, random_state=0).fit(X, Y)
    ours = explain(Wrapped(forest), X, baseline, Asked()).values[:, :, 0]
    assert ours == pytest.approx(shap.TreeExplainer(forest, baseline).shap_values(X)[:, :, 1], abs=1e-6)


@settings(max_examples=40)
@given(
    terms=st.lists(st.floats(-60, 60), min_size=1, max_size=8),
    margin=st.floats(-30, 30),
)
def test_a_logistic_models_probability_is_explained_to_nine_digits_without_its_coalitions(terms, margin):
    contributions = np.array([terms])
    found = sigmoid.shapley(contributions, margin)
    wanted = brute(
        lambda rows: sigmoid.sigmoid(margin + rows.sum(axis=1))[:, None], contributions[0], np.zeros(len(terms))
    )
    assert found[0] == pytest.approx(wanted[:, 0], abs=1e-9)


def test_log_odds_in_the_thousands_are_explained_as_well():
    contributions = np.random.default_rng(3).normal(size=(3, 9)) * 500
    found = sigmoid.shapley(contributions, 2.0)
    total = sigmoid.sigmoid(2.0 + contributions.sum(axis=1)) - sigmoid.sigmoid(np.array(2.0))
    assert found.sum(axis=1) == pytest.approx(total, abs=1e-9)
    wanted = brute(lambda rows: sigmoid.sigmoid(2.0 + rows.sum(axis=1))[:, None], contributions[0], np.zeros(9))
    assert found[0] == pytest.approx(wanted[:, 0], abs=1e-9)


def test_log_odds_are_told_where_the_probability_is_one_to_the_last_digit():
    estimator = LogisticRegression(C=1e6, max_iter=5000).fit(X, X[:, 0] > 0)
    found = explain(Wrapped(estimator), X[:20] * 9, X.mean(axis=0)[None], Asked(use_logit=True))
    assert found.method == "linear"
    assert np.abs(found.outputs).max() > 40
    assert found.outputs[:, 0] == pytest.approx(estimator.decision_function(X[:20] * 9))


def test_rows_that_reach_beyond_the_series_are_sampled_instead():
    estimator = LogisticRegression().fit(X, Y)
    rows = X[:3] * 1e6
    found = explain(Wrapped(estimator), rows, X.mean(axis=0)[None], Asked())
    assert found.method == "enumeration"


@settings(max_examples=30)
@given(features=st.integers(1, 9), count=st.integers(2, 600), seed=st.integers(0, 5))
def test_coalitions_come_with_their_complements_and_weigh_one_together(features, count, seed):
    drawn = sampling.Coalitions.drawn(features, count, seed)
    assert len(drawn.members) == len({tuple(row) for row in drawn.members})
    assert not drawn.members.all(axis=1).any()
    assert drawn.members.any(axis=1).all()
    if features > 1:
        assert drawn.weights.sum() == pytest.approx(1)
        weights = {tuple(row): weight for row, weight in zip(drawn.members, drawn.weights, strict=True)}
        assert all(weights[tuple(~row)] == pytest.approx(weights[tuple(row)]) for row in drawn.members)
    assert drawn.complete == (len(drawn.members) == 2**features - 2)
    assert len(drawn.members) <= max(count, 2)


def test_sampling_comes_near_with_few_coalitions_and_adds_up_always():
    random = np.random.default_rng(1)
    weights = random.normal(size=(11, 6))

    def network(rows: Any) -> Any:
        return np.tanh(rows @ weights).sum(axis=1, keepdims=True)

    rows, baseline = random.normal(size=(2, 11)) * 0.4, np.zeros((1, 11))
    exact = np.array([brute(network, row, baseline[0]) for row in rows])
    errors = []
    for samples in (40, 300, 1500):
        found = explain(Opaque(network), rows, baseline, Asked(samples=samples, seed=4))
        assert (found.method, found.exact) == ("kernel_shap", False)
        assert found.gap < 1e-9
        errors.append(np.abs(found.values - exact).max())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01 * np.abs(exact).max()


def test_the_same_seed_gives_the_same_bytes_however_many_rows_are_asked_for_at_once():
    rows = np.random.default_rng(1).normal(size=(20, 14))
    model = Opaque(lambda data: np.sin(data).sum(axis=1, keepdims=True) ** 2)
    one, two = (explain(model, rows, np.zeros((1, 14)), Asked(samples=200, seed=2)).values for _ in range(2))
    assert one.tobytes() == two.tobytes()
    other = explain(model, rows, np.zeros((1, 14)), Asked(samples=200, seed=2, at_once=500)).values
    assert other == pytest.approx(one, abs=1e-12)


def test_many_rows_are_asked_for_in_one_call():
    calls = []

    def predict(rows: Any) -> Any:
        calls.append(len(rows))
        return rows.sum(axis=1, keepdims=True)

    explain(Opaque(predict), X[:50], X.mean(axis=0)[None], Asked())
    assert calls == [51, 50 * (2**FEATURES - 2)]


def test_of_several_baseline_rows_the_values_are_the_mean():
    model = Wrapped(LOGISTIC)
    both = explain(model, X[:3], X[10:12], Asked())
    apart = [explain(model, X[:3], X[place : place + 1], Asked()) for place in (10, 11)]
    assert both.values == pytest.approx((apart[0].values + apart[1].values) / 2)
    assert both.expected == pytest.approx((apart[0].expected + apart[1].expected) / 2)
    assert both.gap < 1e-9


def test_an_estimator_that_is_not_what_answers_is_not_trusted():
    model = Wrapped(LOGISTIC)
    model.predict = lambda rows: LOGISTIC.predict_proba(rows)[:, 1:] * 0.5  # what a handler may do after the estimator
    found = explain(model, X[:3], X.mean(axis=0)[None], Asked())
    assert found.method == "enumeration"
    assert found.outputs == pytest.approx(LOGISTIC.predict_proba(X[:3])[:, 1:] * 0.5)


def test_values_that_do_not_add_up_are_an_error():
    broken = Explanation(np.ones((1, 2, 1)), np.zeros(1), np.ones((1, 1)), "any", exact=True)
    with pytest.raises(ModelError, match="do not add up"):
        broken.checked()
    with pytest.raises(ModelError, match="do not add up"):
        Explanation(np.full((1, 2, 1), np.nan), np.zeros(1), np.ones((1, 1)), "any", exact=True).checked()


def test_a_budget_that_ends_leaves_whole_rows():
    calls = iter(range(100))

    def predict(rows: Any) -> Any:
        if next(calls) > 2:
            raise BudgetError("enough")
        return rows.sum(axis=1, keepdims=True)

    found = explain(Opaque(predict), X[:10], X.mean(axis=0)[None], Asked(at_once=60))
    assert (len(found.values), found.cut_short) == (4, "enough")
    assert found.gap < 1e-9


def test_texts_are_mixed_as_they_are():
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit([["red"], ["blue"]])
    rows = np.array([["red", "3"], ["blue", "4"]], object)

    def predict(data: Any) -> Any:
        return encoder.transform(data[:, :1])[:, :1] * data[:, 1:].astype(float)

    found = explain(Opaque(predict), rows, np.array([["red", "1"]], object), Asked())
    assert found.values[:, :, 0] == pytest.approx(
        np.array([brute(predict, row, np.array(["red", "1"], object))[:, 0] for row in rows])
    )


def test_global_values_by_each_method():
    values = np.array([[[1.0], [-2.0]], [[3.0], [2.0]], [[-5.0], [6.0]]])
    assert aggregate(values, "mean_abs")[:, 0].tolist() == [3.0, 10 / 3]
    assert aggregate(values, "median")[:, 0].tolist() == [1.0, 2.0]
    assert aggregate(values, "mean_sq")[:, 0] == pytest.approx([35 / 3, 44 / 3])
