"""One holder at a time, the others in the order in which they came, whoever dies on the way."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.actions.lease import TICKET_LIFE, Holder, Lease, Ticket, may_take

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def task(name) -> Holder:
    return Holder(dag_id="loans__retrain", run_id=name, task_id="deploy")


A, B, C = task("a"), task("b"), task("c")


def ticket(holder, came=NOW, seen=NOW) -> Ticket:
    return Ticket(holder=holder, since=came, seen=seen)


def test_a_lease_that_nobody_holds_is_free():
    assert may_take(None, [], A, now=NOW).free
    assert may_take(Lease.of(B, now=NOW, seconds=60).released(), [], A, now=NOW).free


def test_a_retry_finds_its_own_lease():
    assert may_take(Lease.of(A, now=NOW, seconds=60), [ticket(B)], A, now=NOW).free


def test_a_held_lease_is_waited_for_until_it_expires():
    lease = Lease.of(B, now=NOW, seconds=60)
    answer = may_take(lease, [], A, now=NOW)
    assert (answer.free, answer.by) == (False, B)
    assert may_take(lease, [], A, now=NOW + MINUTE).free


def test_a_holder_whose_run_has_ended_holds_nothing():
    assert may_take(Lease.of(B, now=NOW, seconds=3600), [], A, now=NOW, ended=frozenset({B})).free


def test_whoever_came_first_is_first_also_before_one_that_never_waited():
    queue = [ticket(B, came=NOW - MINUTE), ticket(A, came=NOW - 2 * MINUTE)]
    assert may_take(None, queue, A, now=NOW).free
    assert may_take(None, queue, B, now=NOW).by == A
    assert may_take(None, queue, C, now=NOW).by == A


def test_a_waiter_that_died_is_passed_over():
    dead = ticket(A, came=NOW - timedelta(hours=1), seen=NOW - TICKET_LIFE)
    assert may_take(None, [dead, ticket(B)], B, now=NOW).free
    assert may_take(None, [ticket(A, came=NOW - MINUTE), ticket(B)], B, now=NOW, ended=frozenset({A})).free


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 5))
def test_of_many_contenders_never_two_hold_it_and_all_get_their_turn(seed, count):
    """A store with conditional writes in small: reading and writing are two steps, and anybody may come in between."""
    chance, now = random.Random(seed), NOW
    lease, version, tickets = None, 0, {}
    everybody = [task(str(number)) for number in range(count)]
    seen, done = {}, []
    for _ in range(3000):
        now += timedelta(seconds=1)
        me = chance.choice(everybody)
        if me in done:
            continue
        if lease is not None and lease.holder == me:
            if chance.random() < 0.3:
                lease, version = lease.released(), version + 1
                done.append(me)
        elif me in seen:
            # The second step: the write, which counts only if nobody has written since.
            answer, at = seen.pop(me)
            if answer.free and at == version:
                assert lease is None or lease.holder is None
                lease, version = Lease.of(me, now=now, seconds=3600), version + 1
                tickets.pop(me, None)
            else:
                came = tickets[me].since if me in tickets else now
                tickets[me] = ticket(me, came=came, seen=now)
        else:
            seen[me] = (may_take(lease, tickets.values(), me, now=now), version)
    assert sorted(done, key=str) == sorted(everybody, key=str)
