from __future__ import annotations

import numpy as np
import pytest

from endpointwatch.config.model_quality import ModelQuality
from endpointwatch.metrics.ranking import Curves
from endpointwatch.monitors.performance import performance
from endpointwatch.states.confusion import Confusion


def curves(scores: int) -> Curves:
    rng = np.random.default_rng(scores)
    return Curves.of(np.arange(scores, dtype=np.float64), rng.integers(1, 9, scores), rng.integers(1, 9, scores))


@pytest.mark.parametrize(("scores", "left"), [(1, 1), (999, 999), (1_999, 1_999), (2_000, 1_000), (2_999, 1_500)])
def test_every_nth_of_many_scores_remains_as_in_spark(scores, left):
    assert curves(scores).thinned().precisions.size == left + 1  # and the start


@pytest.mark.parametrize("scores", [2_000, 2_001, 7_654, 123_456])
def test_what_remains_are_points_of_the_curve_its_ends_among_them(scores):
    whole = curves(scores)
    thin = whole.thinned()
    step = scores // 1_000
    assert 1_000 <= thin.precisions.size - 1 < 2_000
    for kept, every in (
        (thin.false_positive_rates, whole.false_positive_rates),
        (thin.true_positive_rates, whole.true_positive_rates),
        (thin.precisions, whole.precisions),
    ):
        assert kept[0] == (thin.precisions[1] if every is whole.precisions else every[0])
        assert kept[-1] == every[-1]
        assert np.array_equal(kept[1:-1], every[step:-1:step])


def test_areas_are_those_of_the_whole_curve_by_default_and_of_the_thinned_one_under_aws_compatible():
    """Source: apache/spark, ``BinaryClassificationMetrics``: ``areaUnderROC`` takes the curve that ``numBins`` left."""
    rng = np.random.default_rng(3)
    score = np.sort(rng.random(5_000))
    truth = (rng.random(5_000) < score).astype(np.int32)
    state = Confusion.of(("0", "1"), truth, (score > 0.5).astype(np.int32), score)
    measured = {
        mode: performance(
            state, ModelQuality(problem_type="BinaryClassification", probability_attribute="0", aws_compatible=mode)
        ).scalars
        for mode in ("Disabled", "Enabled")
    }
    whole = Curves.of(score, truth, 1 - truth)
    for name in ("auc", "au_prc"):
        assert measured["Disabled"][name].value == pytest.approx(getattr(whole, name), rel=1e-12)
        assert measured["Enabled"][name].value == pytest.approx(getattr(whole.thinned(), name), rel=1e-12)
    assert measured["Enabled"]["auc"].value != measured["Disabled"]["auc"].value


def test_the_thinned_areas_are_sparks():
    """What Spark 4.3.0 answers for these 2,500 scores in one partition, with its default of 1,000 bins."""
    score, truth = np.arange(2_500) / 2_500, np.array([i * i % 7 % 2 for i in range(2_500)])
    thin = Curves.of(score, truth, 1 - truth).thinned()
    assert (thin.auc, thin.au_prc) == pytest.approx((0.49999999999999994, 0.2855845171176251), rel=1e-12)
