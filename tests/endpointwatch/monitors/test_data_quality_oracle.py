"""The analyzer against one that was written a second time, in plain Python, without looking at the first."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.monitors.data_quality import Baseline, check, compute, suggest
from endpointwatch.monitors.statistics import statistics

sys.path.insert(0, str(Path(__file__).parents[2] / "oracles"))
from analyzer_oracle import Column, violations

AWS = DataQuality(aws_compatible="Enabled")
SIMPLE = AWS.model_copy(
    update={"distribution_constraints": AWS.distribution_constraints.model_copy(update={"comparison_method": "Simple"})}
)
NUMBERS = ("1e5", "1E-5", "2.5e+3", "+3", "-0", "-0.0", "007", "- 5", "+ 7", " 5", "12345678901234567890", "1.0")
WORDS = (
    *(".5", "5.", "1.e3", "1_000", "0x1F", "NaN", "Infinity", "-inf", "1,000", "5 ", "--1", "1d", "1/2", "2020-01-01"),
    *("true", "false", "True", "null", "NullValue", "ä", "日本", "😀", "\uff11\uff12", "\u0661", " ", "\n", "x" * 40),
)
SMALL = st.integers(-3, 50).map(str)


def texts(values, least=1, most=40):
    """Columns of these, some with blanks."""
    return st.one_of(*(st.lists(kind, min_size=least, max_size=most) for kind in (values, st.none() | values)))


KINDS = (
    texts(SMALL),
    # Far apart, so that they drift; some beyond Java's ints.
    st.sampled_from((0, 10**12, -(10**12))).flatmap(lambda at: texts(st.integers(at, at + 400).map(str), least=20)),
    texts(st.floats(-1e4, 1e4).map("{:.3f}".format)),
    texts(st.sampled_from("abcde")),
    texts(st.sampled_from("cdefg"), least=20),
    texts(st.sampled_from(NUMBERS), most=8),
    texts(st.sampled_from(NUMBERS + WORDS) | SMALL, most=8),
    st.sampled_from((None, "0", "2.5", "x", "true")).flatmap(lambda text: st.lists(st.just(text), min_size=1)),
)
COLUMN = st.one_of(*KINDS)
# Mostly of one kind, then and now, since only such are compared.
PAIR = st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(kind, kind | COLUMN))


def table(columns):
    """Both kinds of state of columns that are cut to the shortest."""
    rows = min(map(len, columns))
    named = {f"c{place}": column[:rows] for place, column in enumerate(columns)}
    frame = pl.DataFrame({name: pl.Series(name, texts, pl.String) for name, texts in named.items()})
    (batch,) = frame.rechunk().to_arrow().combine_chunks().to_batches()
    return compute(batch), [Column(name, texts) for name, texts in named.items()]


def approximately(feature):
    """A feature's statistics with some room for the last digits of what is added up in another order."""
    numbers = feature.get("numerical_statistics")
    if numbers:
        size = max(abs(numbers["min"]), abs(numbers["max"]))
        room = {"mean": size, "sum": size * numbers["common"]["num_present"], "std_dev": size}
        numbers |= {key: pytest.approx(numbers[key], rel=1e-9, abs=1e-12 * most) for key, most in room.items()}
    return feature


def same_description(columns):
    ours, oracle = table(columns)
    assert statistics(ours, strict=True)["features"] == [approximately(column.statistics()) for column in oracle]
    assert suggest(ours, AWS).document()["features"] == [column.constraints() for column in oracle]


@example([list(NUMBERS), [*NUMBERS, None]])
@example([[*NUMBERS, *WORDS]])
@given(st.lists(COLUMN, min_size=1, max_size=2))
@settings(max_examples=80, deadline=None)
def test_columns_are_described_alike(columns):
    same_description(columns)


@given(
    pairs=st.lists(PAIR, min_size=1, max_size=2),
    wider=st.sampled_from([False] * 4 + [True]),
    method=st.sampled_from([AWS, SIMPLE]),
)
@settings(max_examples=80, deadline=None)
def test_the_same_is_found_wrong_in_the_same_words(pairs, wider, method):
    then, now = ([pair[place] for pair in pairs] for place in (0, 1))
    if wider:
        now = [*now, now[0]]
    (learnt, known), (ours, oracle) = table(then), table(now)
    baseline = Baseline(suggest(learnt, method), statistics(learnt, strict=True))
    found = check(ours, baseline, method).violations
    told = violations(oracle, known, robust=method is AWS)
    assert sorted((v.feature_name, v.constraint_check_type, v.description) for v in found) == sorted(told)


def test_categories_end_at_the_same_number_of_different_texts():
    for count in range(100, 140):
        same_description([[f"word {place}" for place in range(count)]])


@pytest.mark.parametrize("rows", [2050, 2051, 3365, 4207, 9000])
def test_sketches_are_alike_on_both_sides_of_a_compaction(rows):
    chance = random.Random(rows)
    same_description(
        [
            [str(chance.randint(-150, 150) / 4) for _ in range(rows)],
            [str(chance.randint(0, 300)) if chance.random() < 0.9 else None for _ in range(rows)],
        ]
    )
