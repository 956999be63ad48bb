"""The laws of states: however rows are cut, in batches or in parts, the same rows give the same state."""

from __future__ import annotations

import itertools
import math

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.monitors import data_quality
from endpointwatch.states import Column, Table

TEXTS = st.one_of(
    st.none(),
    st.integers(-(10**25), 10**25).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(
        ["true", "false", "1.0", "1", "- 5", ".5", "1e5", "1e999", "nan", "inf", "red", "größe", " 7", "雪"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), max_size=60)


def batch(rows: list[tuple[str | None, str | None]]) -> pa.RecordBatch:
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(2)]
    return pa.RecordBatch.from_arrays(columns, names=["a", "b"])


def same(one: Table, two: Table, *, ordered: bool) -> None:
    """Counts are equal; floats to rounding; the sketch element by element, if the order of rows was the same."""
    assert (one.names, one.rows) == (two.names, two.rows)
    for left, right in zip(one.columns, two.columns, strict=True):
        assert (left.rows, left.types, left.histogram) == (right.rows, right.types, right.histogram)
        assert left.distinct == right.distinct
        mine, its = left.moments, right.moments
        assert (mine.n, mine.low, mine.high) == (its.n, its.low, its.high)
        scale = max(abs(mine.low), abs(mine.high), 1.0) if mine.n else 1.0
        if scale < 1e100:  # beyond, squares overflow; what is then written is "Infinity", see the reports' tests
            assert mine.total == pytest.approx(its.total, rel=1e-9, abs=1e-9 * scale * mine.n)
            assert mine.mean == pytest.approx(its.mean, rel=1e-9, abs=1e-9 * scale)
            assert (mine.std_dev or 0) == pytest.approx(its.std_dev or 0, rel=1e-6, abs=1e-6 * scale)
        assert left.sketch.weight == right.sketch.weight
        if ordered:
            assert left.sketch == right.sketch


@given(rows=ROWS, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_the_state_does_not_depend_on_how_the_rows_are_cut_into_batches(rows, cuts):
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    state = None
    for start, end in itertools.pairwise(edges):
        state = data_quality.compute(batch(rows[start:end]), state)
    same(state, data_quality.compute(batch(rows)), ordered=True)


@given(rows=ROWS, cut=st.integers(0, 60))
def test_the_state_of_the_whole_is_the_sum_of_its_parts(rows, cut):
    parts = data_quality.compute(batch(rows[:cut])) + data_quality.compute(batch(rows[cut:]))
    same(parts, data_quality.compute(batch(rows)), ordered=False)


@given(ROWS)
def test_every_row_is_either_present_or_missing_and_of_one_type(rows):
    for place, column in enumerate(Table().extend(batch(rows)).columns):
        texts = [row[place] for row in rows if row[place] is not None]
        assert (column.present, column.missing) == (len(texts), len(rows) - len(texts))
        assert column.moments.n <= column.types.integral + column.types.fractional
        assert sum((column.histogram.counts or {}).values()) == len(texts)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], "Unknown"),
        ([None, None], "Unknown"),
        (["1", "-2", "+3"], "Integral"),
        (["1", "2.0"], "Fractional"),
        (["1", "1e-5"], "Fractional"),
        (["1", "x"], "String"),
        (["true", "false"], "String"),
        (["true", "1"], "String"),
        ([".5"], "String"),
        (["nan"], "String"),
        (["123456789012345678901234567890"], "Integral"),
        (["007", "-0"], "Integral"),
        ([" 7", "- 7", "+ 7"], "Integral"),
        (["7 "], "String"),
        (["  7"], "String"),
        ([" 7.5", "1E5", "1.5e+3"], "Fractional"),
        (["5."], "String"),
        (["1e"], "String"),
        (["1_000"], "String"),
        (["\u0661"], "String"),  # a digit, but none of ASCII
        (["7\n"], "String"),
        (["True"], "String"),
        (["Infinity"], "String"),
        (["true", None], "String"),
        (["0", "1", None], "Integral"),
    ],
)
def test_a_columns_type_follows_from_its_texts(texts, expected):
    """Source: awslabs/deequ, ``StatefulDataType.scala``: patterns that must match the whole text."""
    assert Column().extend(pl.Series("x", texts, pl.String)).inferred_type == expected


def test_moments_agree_with_numpy():
    values = np.random.default_rng(7).normal(1e6, 3.0, 50_001)
    texts = pl.Series("x", [repr(float(value)) for value in values])
    moments = (Column().extend(texts[:17_000]) + Column().extend(texts[17_000:])).moments
    assert moments.mean == pytest.approx(values.mean(), rel=1e-12)
    assert moments.std_dev == pytest.approx(values.std(), rel=1e-9)
    assert moments.total == pytest.approx(math.fsum(values), rel=1e-12)
    assert (moments.low, moments.high) == (values.min(), values.max())


def test_texts_become_the_nearest_double():
    texts = [repr(float(value)) for value in np.random.default_rng(1).lognormal(0, 40, 2000)]
    column = Column().extend(pl.Series("x", texts))
    # Up to 2,050 values the sketch holds every one of them, in the order of the rows.
    assert column.sketch.levels[0].tolist() == [float(text) for text in texts]


def test_states_of_other_columns_do_not_add_up():
    one = Table().extend(batch([("1", "2")]))
    with pytest.raises(ValueError, match="do not add up"):
        _ = one + one.renamed(("a", "c"))
