from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.capture.regular import columns_of

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=',"\r\n'), max_size=20)


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1)))
def test_cells_are_those_of_a_csv_reader_and_an_empty_one_is_null(rows):
    columns = columns_of(pl.Series([",".join(row) for row in rows]))
    assert columns is not None
    assert [list(row) for row in zip(*(column.to_list() for column in columns), strict=True)] == [
        [cell or None for cell in row] for row in rows
    ]


@given(st.lists(st.text(st.sampled_from('ab,,,"\r\né'), max_size=8), min_size=1, max_size=5))
def test_whatever_is_not_regular_is_refused(texts):
    columns = columns_of(pl.Series(texts))
    plain = [text.rstrip("\r\n") for text in texts]
    widths = {text.count(",") + 1 for text in plain}
    if columns is None:
        assert len(widths) > 1 or any(character in text for text in plain for character in '"\r\n')
        return
    expected = [next(csv.reader(io.StringIO(text)), [""]) for text in plain]
    found = [list(row) for row in zip(*(column.fill_null("").to_list() for column in columns), strict=True)]
    assert found == expected


@pytest.mark.parametrize("text", ["1,2\n3,4", '1,"2"', "1,2\r3,4"])
def test_more_than_one_line_or_quotes_are_not_regular(text):
    assert columns_of(pl.Series(["1,2", text])) is None
    assert columns_of(pl.Series(["1,2", "3,4\r\n"])) is not None
