"""Whatever the data: states add up in any number of parts, survive their file, and their reports are JSON."""

from __future__ import annotations

import functools
import json
import operator

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.monitors.data_quality import Baseline, check, compute, suggest
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports import files
from endpointwatch.states import Table
from endpointwatch.states.file import read, write

ODD = {
    "nan": ["NaN", "nan", "1.0"],
    "infinite": ["inf", "-Infinity", "Infinity", "1e999", "-1e999"],
    "huge": ["9" * 400, "-" + "9" * 40, str(2**63), str(2**64), str(-(2**63) - 1), "1e308", "1e308"],
    "tiny": ["5e-324", "-5e-324", "0.0", "-0.0"],
    "empty": [None, None, None],
    "unicode": ["größe", "雪", "👩‍👩‍👧", "e\u0301", "\u0000", "\u202e", "a\nb", '"', "\\"],
    "one row": ["7"],
    "mixed": ["1", "x", None, "true", "2.5", "NaN"],
}
TEXT = st.one_of(
    st.none(),
    st.sampled_from([value for values in ODD.values() for value in values]),
    st.integers().map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=30)
SETTINGS = DataQuality()


def state(rows):
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(2)]
    return compute(pa.RecordBatch.from_arrays(columns, names=["a", "b"]))


def exact(table):
    """Every part of the state that is exact, so that sums in any order are equal and not only close."""
    return [
        (
            column.rows,
            column.types,
            column.distinct.registers.tolist(),
            column.histogram.counts,
            column.moments.n,
            column.moments.low,
            column.moments.high,
            column.sketch.weight,
        )
        for column in table.columns
    ]


@settings(max_examples=60)
@given(rows=ROWS, data=st.data())
def test_any_split_in_any_order_has_the_same_exact_statistics(rows, data):
    order = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    parts = [state(order[start:end]) for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    whole = state(rows)
    assert exact(functools.reduce(operator.add, parts, Table())) == exact(whole)
    assert exact(functools.reduce(operator.add, reversed(parts), Table())) == exact(whole)
    # While few numbers were seen, the sketch holds all of them: then its quantiles are exact too.
    for one, two in zip(functools.reduce(operator.add, parts).columns, whole.columns, strict=True):
        assert sorted(one.sketch.levels[0]) == sorted(two.sketch.levels[0])


@settings(max_examples=40)
@given(rows=ROWS)
def test_a_state_is_the_same_when_it_comes_back_from_its_file(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "state.arrow"
    write(state(rows), path)
    assert exact(read(path)) == exact(state(rows))
    assert read(path) == state(rows)


@settings(max_examples=60)
@given(rows=ROWS)
def test_data_of_any_kind_is_described_as_json_and_keeps_what_was_learnt_from_it(rows):
    table = state(rows)
    document = json.loads(files.json_text(statistics(table)), parse_constant=pytest.fail)
    findings = check(table, Baseline(suggest(table, SETTINGS), document), SETTINGS)
    assert findings.violations == ()
    assert all(distance.distance == 0.0 for distance in findings.distances)


@pytest.mark.parametrize("texts", ODD.values(), ids=list(ODD))
def test_one_row_windows_add_up_to_the_column(texts):
    rows = [(text, "1") for text in texts]
    assert exact(functools.reduce(operator.add, [state([row]) for row in rows])) == exact(state(rows))
