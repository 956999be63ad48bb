from __future__ import annotations

import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from endpointwatch.actions.comparison import LOWER_IS_BETTER, Evaluation, compare
from endpointwatch.errors import DatasetError

METRICS = ("auc", "accuracy", "f1", "log_loss")
FIGURES = st.floats(0.0, 1.0)


def evaluation(metric, *, challenger, champion=None):
    metrics = {"challenger": {metric: challenger}}
    if champion is not None:
        metrics["champion"] = {metric: champion}
    return Evaluation(rows=400, label="approve", metrics=metrics)


@given(metric=st.sampled_from(METRICS), a=FIGURES, b=FIGURES, gain=st.floats(0.0, 0.5))
def test_two_models_never_both_beat_each_other(metric, a, b, gain):
    there = compare(evaluation(metric, challenger=a, champion=b), metric=metric, minimum_gain=gain, has_champion=True)
    back = compare(evaluation(metric, challenger=b, champion=a), metric=metric, minimum_gain=gain, has_champion=True)
    assert not (there.promoted and back.promoted)
    assert there.gain == -back.gain


@given(metric=st.sampled_from(METRICS), figure=FIGURES, gain=st.floats(0.0, 0.5))
def test_a_tie_keeps_the_champion(metric, figure, gain):
    result = compare(
        evaluation(metric, challenger=figure, champion=figure), metric=metric, minimum_gain=gain, has_champion=True
    )
    assert not result.promoted


@given(metric=st.sampled_from(METRICS), a=FIGURES, b=FIGURES, low=st.floats(0.0, 0.5), more=st.floats(0.0, 0.5))
def test_asking_for_more_never_promotes_what_less_did_not(metric, a, b, low, more):
    given_ = evaluation(metric, challenger=a, champion=b)
    strict = compare(given_, metric=metric, minimum_gain=low + more, has_champion=True)
    mild = compare(given_, metric=metric, minimum_gain=low, has_champion=True)
    assert mild.promoted or not strict.promoted


@given(metric=st.sampled_from(METRICS), a=FIGURES, b=FIGURES)
def test_with_no_gain_asked_for_the_strictly_better_model_wins(metric, a, b):
    assume(a != b)
    better = a < b if metric in LOWER_IS_BETTER else a > b
    result = compare(evaluation(metric, challenger=a, champion=b), metric=metric, minimum_gain=0.0, has_champion=True)
    assert result.promoted == better


@pytest.mark.parametrize(
    ("metric", "champion", "challenger", "minimum_gain", "promoted"),
    [
        ("auc", 0.70, 0.80, 0.05, True),
        ("auc", 0.70, 0.72, 0.05, False),
        ("auc", 0.80, 0.70, 0.0, False),
        ("log_loss", 0.50, 0.30, 0.1, True),
        ("log_loss", 0.30, 0.50, 0.0, False),
        ("accuracy", 0.5, 0.75, 0.25, False),  # better by exactly the minimum is not better by more
    ],
)
def test_the_metrics_direction_and_the_minimum_gain_decide(metric, champion, challenger, minimum_gain, promoted):
    result = compare(
        evaluation(metric, challenger=challenger, champion=champion),
        metric=metric,
        minimum_gain=minimum_gain,
        has_champion=True,
    )
    assert result.promoted is promoted
    assert f"{champion:.4f}" in result.reason
    assert f"{challenger:.4f}" in result.reason


def test_the_first_version_passes_and_says_that_it_was_unopposed():
    result = compare(evaluation("auc", challenger=0.6), metric="auc", minimum_gain=0.2, has_champion=False)
    assert result.promoted
    assert result.champion is None
    assert "no champion" in result.reason


def test_a_champion_whose_figures_are_missing_never_loses_unopposed():
    with pytest.raises(DatasetError, match="no figures for the champion"):
        compare(evaluation("auc", challenger=0.99), metric="auc", minimum_gain=0.0, has_champion=True)


@pytest.mark.parametrize("figure", [math.nan, math.inf])
@pytest.mark.parametrize("model", ["champion", "challenger"])
def test_a_figure_that_is_no_number_decides_nothing(model, figure):
    figures = {"champion": 0.5, "challenger": 0.6, model: figure}
    with pytest.raises(DatasetError, match=model):
        compare(evaluation("auc", **figures), metric="auc", minimum_gain=0.0, has_champion=True)


def test_an_undefined_auc_is_an_error_that_says_how_to_mend_it():
    lacking = Evaluation(rows=9, label="y", metrics={"challenger": {"accuracy": 1.0}, "champion": {"accuracy": 1.0}})
    with pytest.raises(DatasetError, match="both classes"):
        compare(lacking, metric="auc", minimum_gain=0.0, has_champion=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"rows": 0, "label": "y", "metrics": {}})])
def test_a_broken_evaluation_is_an_error_that_names_its_source(text):
    with pytest.raises(DatasetError, match=r"s3://b/evaluation\.json"):
        Evaluation.parse(text, source="s3://b/evaluation.json")
