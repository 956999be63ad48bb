from __future__ import annotations

import numpy as np
import pytest

from endpointwatch.metrics.ranking import Curves


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
        assert kept[0] == every[0]
        assert kept[-1] == every[-1]
        assert np.array_equal(kept[1:-1], every[step:-1:step])
