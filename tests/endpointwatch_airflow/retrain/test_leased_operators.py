"""Operators that change an endpoint take turns, whoever of them fails or dies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import TaskDeferred

from endpointwatch.actions.lease import Holder
from endpointwatch_airflow.hooks.lease import LeaseHook
from endpointwatch_airflow.operators.leased import LeasedOperator

FOLDER = "s3://endpointwatch/results/loan-approval/lease"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Change(LeasedOperator):
    """Does what the test says while it holds the lease."""

    def __init__(self, *, work=lambda: "done", **kwargs) -> None:
        super().__init__(**kwargs)
        self.work = work

    def change(self, context):
        return self.work()

    def changed(self, context, event):
        return event


@pytest.fixture
def leases(s3):
    return LeaseHook(aws_conn_id=None)


@pytest.fixture
def operator(s3, endpoint, context):
    """An operator and what it runs in, by its run's name."""

    def make(run_id, **kwargs):
        made = Change(
            task_id="deploy", endpoint=endpoint, aws_conn_id=None,
            **{"deferrable": True, "clock": lambda: NOW, "ended": lambda *_: False, **kwargs},
        )  # fmt: skip
        return made, context(made, run_id=run_id)

    return make


def held_by(leases) -> str | None:
    lease, _ = leases._lease(FOLDER)
    return lease.holder.run_id if lease is not None and lease.holder is not None else None


def test_the_lease_is_held_during_the_work_and_given_back_after(operator, leases):
    seen = []
    first, about = operator("a", work=lambda: seen.append(held_by(leases)) or "done")
    assert first.execute(about) == "done"
    assert (seen, held_by(leases)) == (["a"], None)


def test_work_that_fails_gives_the_lease_back_and_leaves_the_reason(operator, leases):
    def fail():
        raise ZeroDivisionError("the fleet has no instances")

    first, about = operator("a", work=fail)
    with pytest.raises(ZeroDivisionError):
        first.execute(about)
    assert held_by(leases) is None
    assert about["pushed"] == {"failure": "the fleet has no instances"}


def test_work_that_is_deferred_keeps_the_lease_until_it_goes_on(operator, leases):
    def defer():
        raise TaskDeferred(trigger=None, method_name="execute_complete")

    first, about = operator("a", work=defer)
    with pytest.raises(TaskDeferred):
        first.execute(about)
    assert held_by(leases) == "a"
    assert first.execute_complete(about, {"status": "success"}) == {"status": "success"}
    assert held_by(leases) is None


def test_the_second_waits_in_the_triggerer_and_goes_on_when_the_first_is_through(operator, leases):
    second, about = operator("b")

    def meanwhile():
        with pytest.raises(TaskDeferred) as raised:
            second.execute(about)
        path, arguments = raised.value.trigger.serialize()
        assert path == "endpointwatch_airflow.triggers.lease.LeaseTrigger"
        assert arguments["holder"] == {"dag_id": "loan-approval__retrain", "run_id": "b", "task_id": "deploy"}
        return raised.value.method_name

    first, of_first = operator("a", work=meanwhile)
    resume = first.execute(of_first)
    assert getattr(second, resume)(about, {"status": "free"}) == "done"
    assert held_by(leases) is None


def test_those_who_wait_are_served_in_the_order_in_which_they_came(operator, leases):
    holder = Holder(dag_id="d", run_id="a", task_id="t")
    leases.take(FOLDER, holder, now=NOW, seconds=60)
    waiting = {}
    for minute, run in enumerate(["b", "c"]):
        later = NOW + timedelta(seconds=minute)
        waiting[run] = operator(run, clock=lambda later=later: later)
        with pytest.raises(TaskDeferred):
            waiting[run][0].execute(waiting[run][1])
    leases.give_back(FOLDER, holder)
    last, about = waiting["c"]
    with pytest.raises(TaskDeferred):
        last.execute(about)
    assert waiting["b"][0].execute(waiting["b"][1]) == "done"
    assert last.execute(about) == "done"


def test_a_holder_whose_run_has_ended_is_passed_over(operator, leases):
    leases.take(FOLDER, Holder(dag_id="d", run_id="dead", task_id="t"), now=NOW, seconds=3600)
    second, about = operator("b", ended=lambda _, holder: holder.run_id == "dead")
    assert second.execute(about) == "done"


def test_a_holder_that_nobody_knows_of_is_passed_over_once_its_lease_has_expired(operator, leases):
    leases.take(FOLDER, Holder(dag_id="d", run_id="lost", task_id="t"), now=NOW - timedelta(hours=2), seconds=3600)
    second, about = operator("b")
    assert second.execute(about) == "done"


def test_what_another_has_taken_over_is_not_given_back_by_the_one_before(operator, leases):
    lost = Holder(dag_id="d", run_id="lost", task_id="t")
    leases.take(FOLDER, lost, now=NOW - timedelta(hours=2), seconds=3600)
    taken = Holder(dag_id="d", run_id="b", task_id="t")
    assert leases.take(FOLDER, taken, now=NOW, seconds=3600).free
    assert not leases.give_back(FOLDER, lost)
    assert held_by(leases) == "b"


def test_waiting_on_the_worker_ends_when_the_lease_comes_free(operator, leases):
    holder = Holder(dag_id="d", run_id="a", task_id="t")
    leases.take(FOLDER, holder, now=NOW, seconds=60)
    times = iter([NOW, NOW, NOW + timedelta(minutes=2), NOW + timedelta(minutes=2)])
    second, about = operator("b", deferrable=False, lease_delay=0.0, clock=lambda: next(times))
    assert second.execute(about) == "done"
