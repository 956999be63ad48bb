"""Laid-out JSON has the bytes of the standard library's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.reports.layout import laid_out

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
DOCUMENTS = st.recursive(
    SCALARS | st.lists(st.integers() | st.floats()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(DOCUMENTS)
def test_the_layout_is_that_of_the_standard_library(document):
    assert laid_out(document) == json.dumps(document, indent=2, ensure_ascii=False, separators=(",", " : "))


@pytest.mark.parametrize("document", [{"set": {1}}, {1: "a key that is no text"}, [object()]])
def test_what_is_no_json_is_refused(document):
    with pytest.raises(TypeError):
        laid_out(document)
