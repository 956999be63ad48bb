"""Work shared with helpers gives what one process gives, and whatever happens to a helper is told."""

from __future__ import annotations

import operator
import os
import signal
import subprocess
from functools import partial

import pytest

from endpointwatch.jobs.spread import GIVEN, KEPT, HelperError, spread


@pytest.mark.parametrize("helpers", [0, 1, 2])
def test_results_come_in_the_order_of_the_items_and_all_of_them(helpers):
    items = [*range(40), None, ""]
    assert list(spread(partial(operator.is_, None), items, helpers)) == [item is None for item in items]


def test_helpers_do_a_part_of_the_work():
    told = list(spread(eval, ["__import__('os').getpid()"] * 20, 1))
    assert os.getpid() not in told[:GIVEN]
    assert len(set(told)) <= 2


def test_no_more_is_worked_on_than_fits_into_memory():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = spread(operator.neg, items(), 1)
    next(results)
    assert len(taken) <= 1 + GIVEN + KEPT + 1
    results.close()


def test_an_error_of_the_work_is_raised_with_the_place_where_it_happened():
    with pytest.raises(ZeroDivisionError) as raised:
        list(spread(partial(operator.truediv, 1), [1, 0, 2], 1))
    assert "process that helped" in "".join(raised.value.__notes__)


def test_a_helper_that_is_killed_is_an_error_that_says_so_and_no_job_without_an_end():
    kill = f"(me := __import__('os').getpid()) != {os.getpid()} and __import__('os').kill(me, {int(signal.SIGKILL)})"
    with pytest.raises(HelperError, match=r"SIGKILL.*memory"):
        list(spread(eval, [kill] * 3, 1))


def test_towards_the_end_no_helper_holds_items_that_others_could_do():
    # With three given from the start, this process would wait for the helper's second and third.
    told = list(spread(eval, ["(__import__('time').sleep(0.5), __import__('os').getpid())[1]"] * 3, 1))
    assert told.count(os.getpid()) == 1


def test_nothing_is_left_of_the_helpers():
    list(spread(operator.neg, range(10), 2))
    results = spread(operator.neg, range(100), 2)
    next(results)
    results.close()
    found = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False
    ).stdout
    assert "help_along" not in found


def test_what_a_helper_prints_is_no_result(capfd):
    # Made one by one: of items whose number is known this process would take the last.
    assert list(spread(print, ("a word" for _ in range(GIVEN)), 1)) == [None] * GIVEN
    assert capfd.readouterr().out == ""
