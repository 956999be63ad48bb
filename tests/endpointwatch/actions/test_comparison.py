from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from endpointwatch.actions.comparison import Evaluation
from endpointwatch.actions.promotion import Evidence, compare
from endpointwatch.actions.quality_report import quality_report
from endpointwatch.actions.scores import Scores, latency_ms
from endpointwatch.actions.treatment import measured, treatments
from endpointwatch.config.bias import Bias
from endpointwatch.config.training import Promotion
from endpointwatch.errors import DatasetError
from endpointwatch.metrics.paired import LOWER_IS_BETTER, METRICS, measure

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


def scores(count=200, *, champion=0.5, challenger=1.5, seed=0, rows="data", facet=None):
    """A table of scores of two models with so much skill."""
    chance = np.random.default_rng(seed)
    truth = (chance.random(count) < 0.5).astype(float)
    told = {
        name: 1 / (1 + np.exp(-(skill * (2 * truth - 1) + chance.normal(size=count))))
        for name, skill in (("challenger", challenger), ("champion", champion))
    }
    return pl.DataFrame({"set": [rows] * count, "label": truth, **told} | ({"facet:sex": facet} if facet else {}))


def judged(frame, promotion, *, latency=None, treatments=(), metric="auc", minimum_gain=0.0):
    table = Scores(frame)
    recent = table.of("data")
    metrics = {
        model: {name: measure(name, recent.truth, recent.score(model)) for name in METRICS}
        for model in ("challenger", "champion")
    }
    return compare(
        Evaluation(rows=recent.rows, label="approve", metrics=metrics), metric=metric, minimum_gain=minimum_gain,
        has_champion=True, promotion=promotion, evidence=Evidence(table, latency, treatments),
    )  # fmt: skip


@settings(max_examples=25)
@given(
    seed=st.integers(0, 100), better=st.floats(0.5, 2.0), confidence=st.floats(0.6, 0.99),
    margin=st.floats(0.0, 0.2), metric=st.sampled_from(METRICS),
)  # fmt: skip
def test_being_surer_or_asking_for_more_never_promotes_what_less_did_not(seed, better, confidence, margin, metric):
    frame = scores(80, challenger=better, seed=seed)
    mild = judged(frame, Promotion(confidence=None), metric=metric)
    sure = judged(frame, Promotion(confidence=confidence, resamples=100), metric=metric)
    surer = judged(frame, Promotion(confidence=(1 + confidence) / 2, resamples=100), metric=metric)
    more = judged(frame, Promotion(confidence=confidence, resamples=100), metric=metric, minimum_gain=margin)
    assert mild.promoted >= sure.promoted >= surer.promoted
    assert sure.promoted >= more.promoted
    assert surer.interval.low <= sure.interval.low <= sure.interval.high <= surer.interval.high


def test_a_gain_that_may_be_chance_keeps_the_champion_and_says_so():
    frame = scores(60, champion=1.0, challenger=1.15, seed=5)
    result = judged(frame, Promotion())
    assert result.gain > 0
    assert not result.promoted
    assert "may be as small as" in result.broken[0]
    assert "95% sure between" in result.reason
    assert judged(frame, Promotion(confidence=None)).promoted


def test_a_gain_beyond_doubt_is_promoted_with_its_interval_on_record():
    result = judged(scores(), Promotion(seed=7))
    assert result.promoted
    assert (result.interval.seed, result.interval.resamples, result.interval.confidence) == (7, 1000, 0.95)
    assert 0 < result.interval.low < result.gain < result.interval.high
    assert result == judged(scores(), Promotion(seed=7))


def test_two_equal_models_win_about_as_seldom_as_the_confidence_says():
    won = sum(judged(scores(60, champion=1, challenger=1, seed=seed), Promotion(confidence=0.8, resamples=100)).promoted
              for seed in range(60))  # fmt: skip
    # One side of the interval: a tenth.
    assert stats.binomtest(won, 60, 0.1).pvalue > 0.001


def test_without_scores_nothing_is_sure_and_the_error_says_what_to_write():
    with pytest.raises(DatasetError, match=r"scores\.csv .*confidence: null"):
        compare(
            evaluation("auc", challenger=0.9, champion=0.1), metric="auc", minimum_gain=0.0, has_champion=True,
            promotion=Promotion(),
        )  # fmt: skip


def test_what_is_lost_on_the_original_rows_is_told_and_held_to_its_limit():
    frame = pl.concat([scores(), scores(champion=2.0, challenger=0.0, rows="initial", seed=1)])
    told = judged(frame, Promotion())
    assert told.promoted
    assert told.held_out.champion["auc"] > told.held_out.challenger["auc"] + 0.2
    held = judged(frame, Promotion(maximum_held_out_loss=0.1))
    assert not held.promoted
    assert "On the original 200 test rows it is worse by" in held.reason
    with pytest.raises(DatasetError, match="maximum_held_out_loss"):
        judged(scores(), Promotion(maximum_held_out_loss=0.1))


@pytest.mark.parametrize(
    ("limits", "promoted"),
    [
        ({"maximum_latency_ms": 3.0}, True),
        ({"maximum_latency_ms": 1.0}, False),
        ({"maximum_latency_ratio": 2.0}, True),
        ({"maximum_latency_ratio": 1.5}, False),
    ],
)
def test_a_slow_challenger_is_held_to_its_limits(limits, promoted):
    result = judged(scores(), Promotion(**limits), latency={"challenger": 2.0, "champion": 1.0})
    assert result.promoted is promoted
    assert result.latency_ms.challenger == 2.0
    with pytest.raises(DatasetError, match=r"latency\.json"):
        judged(scores(), Promotion(**limits))


def test_an_unfair_challenger_does_not_win_however_good_it_is():
    chance = np.random.default_rng(0)
    frame = scores(400, facet=[str(value) for value in chance.integers(0, 2, 400)])
    group = pl.col("facet:sex") == "1"
    unfair = frame.with_columns(challenger=pl.when(group & (pl.col("label") == 1)).then(0.3).otherwise("challenger"))
    about = Bias(sensitive_features=[{"name": "sex", "values": [1]}], metrics=["DPPL"])
    limits = {"DPPL": 0.15, "RD": 0.9}

    def both(table):
        models = [measured(Scores(table), name, about, also=limits) for name in ("challenger", "champion")]
        return treatments(*models, limits, minimum_rows=30)

    fair, worse = both(frame), both(unfair)
    assert {one.metric for one in fair} == {"DPPL", "RD"}
    promotion = Promotion(bias=limits)
    assert judged(frame, promotion, treatments=fair).promoted
    result = judged(unfair, promotion, treatments=worse)
    assert not result.promoted
    assert "DPPL of sex = 1 is" in result.reason
    # By hand: the difference of the shares of answers above one half.
    share = [unfair.filter(pl.col("facet:sex") == value)["challenger"].gt(0.5).mean() for value in ("0", "1")]
    (found,) = (one for one in worse if one.metric == "DPPL")
    assert found.challenger == pytest.approx(share[0] - share[1])
    small = treatments(measured(Scores(unfair), "challenger", about), (), limits, minimum_rows=1000)
    assert not any(one.broken for one in small)
    assert "not judged" in small[0].note


def test_a_limit_on_what_cannot_be_computed_is_an_error():
    with pytest.raises(DatasetError, match=r"promotion\.bias limits \['AD'\]"):
        judged(scores(), Promotion(bias={"AD": 0.1}))


def test_the_quality_report_is_that_of_the_monitor_and_scikit_learn_agrees():
    frame = scores(300)
    statistics, constraints = quality_report(Scores(frame), "challenger")
    told = statistics["binary_classification_metrics"]
    truth, score = frame["label"].to_numpy(), frame["challenger"].to_numpy()
    assert told["auc"]["value"] == pytest.approx(roc_auc_score(truth, score))
    assert told["accuracy"]["value"] == pytest.approx(((score > 0.5) == truth).mean())
    assert constraints["binary_classification_constraints"]["auc"]["threshold"] == told["auc"]["value"]


@pytest.mark.parametrize(
    "text",
    ["", "label,champion\n1,0.5\n", "set,label,champion\ndata,2,0.5\n", "set,label,champion\ndata,1,\n"],
)
def test_a_broken_table_of_scores_is_an_error_that_names_its_source(text):
    with pytest.raises(DatasetError, match=r"s3://b/scores\.csv"):
        Scores.parse(text, source="s3://b/scores.csv")


@pytest.mark.parametrize("text", ["", '["challenger"]', '{"challenger": 1}', '{"challenger": {"p50": "x"}}'])
def test_broken_latencies_are_an_error_that_names_their_source(text):
    with pytest.raises(DatasetError, match=r"s3://b/latency\.json"):
        latency_ms(text, source="s3://b/latency.json")
