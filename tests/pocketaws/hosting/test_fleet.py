"""Once the routes have left a fleet, nothing comes to it any more, and what was there can be waited for."""

from __future__ import annotations

import random
import threading
import time
from types import SimpleNamespace

import pytest

from pocketaws.hosting.fleet import Fleet, Routes, UnknownVariant
from pocketaws.hosting.spec import FleetSpec, VariantSpec


@pytest.fixture
def fleet(tmp_path):
    """Makes fleets whose model servers are never started."""
    world = SimpleNamespace(settings=SimpleNamespace(home=tmp_path))
    return lambda *names: Fleet(world, "ep", FleetSpec("c", tuple(VariantSpec(name, "image") for name in names or "v")))


def test_a_drained_fleet_gets_no_request_however_many_callers_there_are(fleet):
    routes, current, closed = Routes(), fleet(), set()
    routes.set("ep", (current, 1.0))
    wrong, stop, served = [], threading.Event(), [0] * 8

    def call(number: int) -> None:
        chance = random.Random(number)
        while not stop.is_set():
            with routes.take("ep", None) as taken:
                if taken is None or taken.fleet in closed:
                    wrong.append(taken)
                time.sleep(chance.random() / 2000)
                if taken.fleet in closed:
                    wrong.append(taken)
            served[number] += 1

    callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for _ in range(60):
        after = fleet()
        routes.set("ep", (after, 0.5), (current, 0.5))
        routes.set("ep", (after, 1.0))
        assert current.drain(5)
        closed.add(current)
        current = after
    stop.set()
    for caller in callers:
        caller.join()
    assert wrong == []
    assert all(served)


def test_a_request_under_way_holds_the_drain_until_it_ends(fleet):
    routes, busy = Routes(), fleet()
    routes.set("ep", (busy, 1.0))
    with routes.take("ep", None):
        routes.drop("ep")
        assert not busy.drain(0.05)
    assert busy.drain(0.05)
    with routes.take("ep", None) as taken:
        assert taken is None


def test_a_request_that_fails_is_no_longer_under_way(fleet):
    routes, one = Routes(), fleet()
    routes.set("ep", (one, 1.0))
    with pytest.raises(ZeroDivisionError), routes.take("ep", None):
        raise ZeroDivisionError
    with pytest.raises(UnknownVariant), routes.take("ep", "other"):
        pass
    assert one.drain(0.05)


def test_all_weights_of_zero_are_equal_weights(fleet):
    spec = FleetSpec("c", tuple(VariantSpec(name, "image", weight=0.0) for name in "ab"))
    both = fleet("a", "b")
    both.reweigh(spec)
    assert {both.choose(None).name for _ in range(100)} == {"a", "b"}
