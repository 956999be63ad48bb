"""The law of every statistic, for model quality: the state of the whole is the sum of its parts', however cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from endpointwatch.metrics.ranking import Curves
from endpointwatch.states.confusion import Confusion
from endpointwatch.states.expected import Expected
from endpointwatch.states.quality_file import read, write
from endpointwatch.states.residuals import Residuals

FEW = settings(max_examples=60, deadline=None)
CLASSES = ("a", "nan", "10", "9")
CLASSIFIED = st.lists(
    st.tuples(
        st.sampled_from(CLASSES), st.sampled_from(CLASSES), st.one_of(st.none(), st.floats(0, 1, allow_subnormal=False))
    ),
    max_size=40,
)
NUMBERS = st.lists(st.tuples(st.integers(-5, 5).map(float), st.floats(-10, 10)), max_size=40)


def confusion(rows, limit: int) -> Confusion:
    codes = [np.array([CLASSES.index(row[side]) for row in rows], np.int32) for side in (0, 1)]
    scores = np.array([float("nan") if row[2] is None else row[2] for row in rows])
    return Confusion.of(CLASSES, *codes, scores, limit)


def residuals(rows, limit: int) -> Residuals:
    actual, predicted = (np.array([row[side] for row in rows], float) for side in (0, 1))
    return Residuals.of(actual, predicted, limit)


def content(state: Confusion) -> list:
    names = np.array(state.classes)
    if not state.count.size:
        return []
    cells = zip(names[state.actual], names[state.predicted], state.score.tolist(), state.count.tolist(), strict=True)
    return sorted((a, p, -1.0 if np.isnan(s) else s, c) for a, p, s, c in cells)


def cut(rows, data) -> list:
    order = data.draw(st.permutations(rows))
    places = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    return [order[start:end] for start, end in zip([0, *places], [*places, len(rows)], strict=True)]


@FEW
@given(CLASSIFIED, st.sampled_from([4, 9, 1000]), st.data())
def test_a_classifiers_rows_add_up_in_any_order_also_beyond_the_limit(rows, limit, data):
    whole = confusion(rows, limit)
    parts = [confusion(part, limit) for part in cut(rows, data)]
    for total in (Confusion.total(parts, limit), sum(parts, Confusion.empty(limit))):
        assert (content(total), total.resolution) == (content(whole), whole.resolution)
    assert whole.rows == len(rows)
    if rows:
        matrix = whole.with_classes(CLASSES).matrix()
        order = whole.with_classes(CLASSES).classes
        assert order == ("9", "10", "a", "nan")
        for a, actual in enumerate(order):
            for p, predicted in enumerate(order):
                assert matrix[a, p] == sum(row[:2] == (actual, predicted) for row in rows)


@FEW
@given(NUMBERS, st.sampled_from([4, 1000]), st.data())
def test_a_regressions_rows_add_up_in_any_order_also_beyond_the_limit(rows, limit, data):
    whole = residuals(rows, limit)
    parts = [residuals(part, limit) for part in cut(rows, data)]
    for total in (Residuals.total(parts, limit), sum(parts, Residuals.empty(limit))):
        assert total.actual.tolist() == whole.actual.tolist()
        assert total.predicted.tolist() == whole.predicted.tolist()
        assert total.count.tolist() == whole.count.tolist()
        assert (total.whole, total.rows) == (whole.whole, len(rows))
        assert total.absolute == pytest.approx(whole.absolute)
        assert total.squared == pytest.approx(whole.squared)
        assert total.labels.m2 == pytest.approx(whole.labels.m2, abs=1e-9)
    assert whole.whole == (len(set(rows)) <= limit or len({(a, p + 0.0) for a, p in rows}) <= limit)


def test_a_grid_of_scores_costs_little_of_the_ranking():
    generator = np.random.default_rng(3)
    score = generator.random(20_000)
    yes = (generator.random(20_000) < score).astype(np.int32)
    coarse = Confusion.of(("0", "1"), yes, yes, score, limit=2_000)
    assert coarse.count.size <= 2_000
    assert coarse.resolution is not None
    assert np.abs(coarse.middle - coarse.score).max() <= 2.0 ** -(coarse.resolution + 1)
    assert coarse.rows == 20_000


def test_more_different_scores_than_are_kept_move_the_area_under_the_curve_by_less_than_a_ten_millionth():
    generator = np.random.default_rng(5)
    score = generator.random(300_000)
    yes = (generator.random(score.size) < score).astype(np.int32)
    state = Confusion.of(("0", "1"), yes, (score > 0.5).astype(np.int32), score)
    assert state.resolution is not None
    ours = Curves.of(
        state.score, np.where(state.actual == 1, state.count, 0), np.where(state.actual == 0, state.count, 0)
    )
    assert ours.auc == pytest.approx(roc_auc_score(yes, score), abs=1e-7)


def test_without_labels_a_state_is_that_of_its_predictions():
    rows = [("a", "9", 0.5), ("9", "9", 0.5), ("a", "a", 0.1)]
    told = confusion(rows, 10).without_labels()
    assert content(told) == content(confusion([(p, p, s) for _, p, s in rows], 10))


def test_what_a_classifier_promises_adds_up():
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet([1, 1, 1], 200)
    predicted = probabilities.argmax(axis=1)
    whole = Expected.of(probabilities, predicted)
    parts = Expected.of(probabilities[:70], predicted[:70]) + Expected.of(probabilities[70:], predicted[70:])
    assert parts.expected == pytest.approx(whole.expected)
    assert parts.variance == pytest.approx(whole.variance)
    assert whole.expected.sum(axis=0) == pytest.approx(np.bincount(predicted, minlength=3))
    assert (Expected.empty(3) + whole).rows == 200


@pytest.mark.parametrize("state", [confusion([("a", "10", 0.5), ("9", "9", None)], 10), residuals([(1.0, 2.0)], 10)])
def test_a_state_is_read_as_it_was_written_and_the_same_state_gives_the_same_bytes(state, tmp_path):
    write(state, tmp_path / "one")
    again = read(tmp_path / "one")
    write(again, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert type(again) is type(state)
    assert (again.rows, again.limit) == (state.rows, 10)


def test_a_file_that_is_no_state_says_so(tmp_path):
    (tmp_path / "x").write_text("no")
    with pytest.raises(ValueError, match="no state file"):
        read(tmp_path / "x")
