"""A DeploymentConfig as steps of traffic."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketaws.faults import Fault
from pocketaws.hosting.traffic import Plan, Step, plan


def config(kind, termination=0, **routing):
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 60, **routing},
            "TerminationWaitInSeconds": termination,
        }
    }


def percent(value):
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def test_without_a_config_all_traffic_moves_at_once():
    assert plan({}, 1) == Plan((Step(1.0, 0.0),))


def test_all_at_once_bakes_for_the_termination_wait():
    assert plan(config("ALL_AT_ONCE", termination=30), 4).steps == (Step(1.0, 30.0),)


def test_a_canary_has_two_steps():
    assert plan(config("CANARY", 30, CanarySize=percent(20)), 4).steps == (Step(0.2, 60.0), Step(1.0, 30.0))


def test_a_size_in_instances_is_a_share_of_the_fleet():
    steps = plan(config("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}), 4).steps
    assert steps == (Step(0.25, 60.0), Step(1.0, 0.0))


def test_linear_walks_in_equal_steps_to_all_of_it():
    shares = [step.share for step in plan(config("LINEAR", LinearStepSize=percent(25)), 4).steps]
    assert shares == [0.25, 0.5, 0.75, 1.0]


@given(size=st.integers(10, 50), instances=st.integers(1, 20))
def test_shares_only_grow_and_end_with_everything(size, instances):
    shares = [step.share for step in plan(config("LINEAR", LinearStepSize=percent(size)), instances).steps]
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0
    assert all(later - earlier <= size / 100 + 1e-9 for earlier, later in zip([0.0, *shares], shares, strict=False))


@pytest.mark.parametrize(
    ("routing", "said"),
    [
        ({"kind": "CANARY"}, "needs CanarySize"),
        ({"kind": "CANARY", "CanarySize": percent(51)}, "at most 50%"),
        ({"kind": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}, "at most 50%"),
        ({"kind": "LINEAR", "LinearStepSize": percent(9)}, "between 10% and 50%"),
    ],
)
def test_sizes_outside_awss_limits_are_refused(routing, said):
    with pytest.raises(Fault, match=said):
        plan(config(routing.pop("kind"), **routing), 1)


def rolling(batch, back=None, wait=7):
    policy = {"MaximumBatchSize": batch, "WaitIntervalInSeconds": wait, "MaximumExecutionTimeoutInSeconds": 600}
    return {"RollingUpdatePolicy": {**policy, **({"RollbackMaximumBatchSize": back} if back else {})}}


def test_a_rolling_update_replaces_batches_of_instances_and_goes_back_all_at_once():
    assert plan(rolling(percent(50)), 4) == Plan(
        (Step(0.5, 7.0), Step(1.0, 7.0)), timeout=600, rolling=True, way_back=(0.0,)
    )


def test_a_rolling_update_goes_back_in_batches_of_their_own():
    found = plan(rolling({"Type": "INSTANCE_COUNT", "Value": 1}, back=percent(40)), 5)
    assert [step.share for step in found.steps] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert found.way_back == (0.6, 0.2, 0.0)


@given(size=st.integers(5, 50), back=st.integers(5, 100), instances=st.integers(1, 40))
def test_a_rolling_update_moves_whole_instances_never_more_than_a_batch_and_ends(size, back, instances):
    found = plan(rolling(percent(size), back=percent(back)), instances)
    moved = [0, *(step.share * instances for step in found.steps)]
    assert moved[-1] == pytest.approx(instances)
    assert all(count == pytest.approx(round(count)) for count in moved)
    assert all(
        0 < later - earlier <= max(1, size * instances / 100) + 1e-9 for earlier, later in itertools.pairwise(moved)
    )
    assert found.way_back[-1] == 0.0
    assert list(found.way_back) == sorted(set(found.way_back), reverse=True)


@pytest.mark.parametrize("batch", [percent(4), percent(51), {"Type": "INSTANCE_COUNT", "Value": 3}])
def test_batches_outside_awss_limits_are_refused(batch):
    with pytest.raises(Fault, match="MaximumBatchSize must be between 5% and 50%"):
        plan(rolling(batch), 4)


def test_two_kinds_of_policy_at_once_are_refused():
    with pytest.raises(Fault, match="give one of them"):
        plan({**rolling(percent(10)), **config("ALL_AT_ONCE")}, 4)


def test_alarms_and_the_longest_time_are_taken_over():
    given_ = config("ALL_AT_ONCE")
    given_["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    given_["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}
    found = plan(given_, 1)
    assert (found.alarms, found.timeout) == (("a", "b"), 600)
