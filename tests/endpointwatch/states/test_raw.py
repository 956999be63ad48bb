from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.states import Column, Distinct
from endpointwatch.states.distinct import _leading_zeros
from endpointwatch.states.histogram import LIMIT
from endpointwatch.states.raw import columns_at


@given(st.data(), st.binary(max_size=60).map(lambda raw: bytes(byte % 128 for byte in raw)), st.booleans())
def test_texts_are_the_bytes_that_stand_there_at_the_edges_too(data, raw, blank):
    starts = data.draw(st.lists(st.integers(0, len(raw)), max_size=5))
    lengths = [data.draw(st.integers(0, len(raw) - start)) for start in starts]
    (column,) = columns_at(
        np.frombuffer(raw, np.uint8), np.array([starts], np.int64), np.array([lengths], np.int64), blank=blank
    )
    texts = [raw[start : start + length].decode() for start, length in zip(starts, lengths, strict=True)]
    assert column.to_list() == [text if text or blank else None for text in texts]


@given(st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 64).map(lambda bits: (1 << bits) - 1))))
def test_leading_zeros_are_those_of_the_whole_word_however_near_the_next_power_it_is(words):
    assert _leading_zeros(np.array(words, np.uint64)).tolist() == [64 - word.bit_length() for word in words]


SPELLINGS = st.sampled_from(
    ["{}", "{}", "{}", "+{}", "{}e1", "00{}", "{}.0", "-{}.25", "{}12345678901234567890", "é{}", ""]
)


@settings(max_examples=20)
@given(
    different=st.integers(LIMIT - 2, LIMIT + 2), spelt=st.lists(SPELLINGS, min_size=1, max_size=6), plain=st.booleans()
)
def test_counts_are_kept_up_to_the_limit_of_different_texts_however_numbers_are_spelt(different, spelt, plain):
    forms = ["{}"] if plain else spelt
    texts = [forms[place % len(forms)].format(place) for place in range(different)] + ["1", "1.0", "2"]
    present = [text for text in texts if text]
    column = Column().extend(pl.Series([text or None for text in texts], dtype=pl.String))
    counts = Counter(present)
    assert column.histogram.counts == (dict(counts) if len(counts) <= LIMIT else None)
    assert column.distinct == Distinct.of(present)
    assert column.present == len(present)


@pytest.mark.parametrize("different", [LIMIT, LIMIT + 1])
def test_the_limit_is_of_texts_not_of_values(different):
    texts = [f"{place // 2}{'.0' * (place % 2)}" for place in range(different)]
    counts = Column().extend(pl.Series(texts)).histogram.counts
    assert counts == (Counter(texts) if different == LIMIT else None)
