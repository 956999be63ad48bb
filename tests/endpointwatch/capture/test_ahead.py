from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.capture.ahead import ahead


@given(st.lists(st.integers(), max_size=8), st.integers(1, 4))
def test_items_come_in_their_order_and_all_of_them(items, depth):
    assert list(ahead(iter(items), depth)) == items


def test_no_more_is_made_than_is_asked_for():
    made = []
    items = ahead((made.append(number) for number in range(100)), depth=3)
    next(items)
    items.close()
    assert len(made) <= 4


def test_what_goes_wrong_is_raised_where_the_item_is_asked_for():
    def broken():
        yield 1
        raise ValueError("the second one")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="the second one"):
        next(items)


def test_reading_happens_in_another_thread():
    assert list(ahead(threading.get_ident() for _ in range(1))) != [threading.get_ident()]
