from __future__ import annotations

import itertools
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from decision_examples import FIRST, VERDICTS, endpoint, policies, retraining, verdict

from endpointwatch.decisions import STRENGTH, ActionRecord, Standing, decide, incidents_of, permit
from endpointwatch.decisions.history import DAY, MONTH
from endpointwatch.decisions.incidents import containing
from endpointwatch.errors import WindowError
from endpointwatch.reports.deployment import Deployment

FEW = settings(max_examples=60, deadline=None)
END = FIRST.shifted(1).end
MOMENTS = st.integers(0, 90 * 24 * 2).map(lambda halves: FIRST.end + timedelta(minutes=30 * halves))
HISTORIES = st.lists(
    st.builds(
        retraining,
        MOMENTS,
        minutes=st.sampled_from([None, 1.0, 30.0, 60.0]),
        version=st.sampled_from(["v0", "loans-v1"]),
        action=st.sampled_from(["pause", "scale", "rollback", "retrain"]),
    ),
    max_size=5,
    unique_by=lambda r: r.id,
)


def allowed(policy, *, now=END, history=(), serving="loans-v1", verdicts=None, incident=None, **standing):
    decision = decide(verdicts or [verdict(0), verdict(1)], policy.rules)
    return permit(decision, policy, history, now=now, standing=Standing(serving, **standing), incident=incident)


def held(permission):
    return [guard.name for guard in permission.held_back]


def strength(permission):
    return STRENGTH.index(permission.allowed), len(permission.tell)


# Laws


@FEW
@given(VERDICTS, policies(), HISTORIES, MOMENTS)
def test_guards_only_ever_make_the_answer_weaker(verdicts, policy, history, now):
    permission = allowed(policy, verdicts=verdicts, history=history, now=now)
    assert STRENGTH.index(permission.allowed) <= STRENGTH.index(permission.asked)
    assert (permission.allowed == permission.asked) or permission.held_back
    for fewer in range(len(history)):
        assert strength(permission) <= strength(allowed(policy, verdicts=verdicts, history=history[:fewer], now=now))


@FEW
@given(VERDICTS, policies(), HISTORIES, MOMENTS, st.randoms())
def test_the_same_decision_history_and_moment_give_the_same_permission(verdicts, policy, history, now, chance):
    shuffled = list(history)
    chance.shuffle(shuffled)
    one, other = (allowed(policy, verdicts=verdicts, history=h, now=now).to_json() for h in (history, shuffled))
    assert one == other


def under_way(record):
    return record.model_copy(update={"ended_at": None, "training_jobs": {}})


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "cooldown_hours": st.sampled_from([0.5, 3, 30]),
        "quiet_hours": st.sampled_from([["22:00-06:00"], ["Mon"]]),
        "budget": st.sampled_from(
            [
                {"retrainings_a_day": 2},
                {"retrainings_a_month": 3},
                {"training_hours_a_day": 1.5},
                {"training_hours_a_month": 4.0, "retrainings_a_day": 1},
            ]
        ),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    LIMITS,
    st.lists(
        st.tuples(st.sampled_from([0, 0.3, 0.7, 2, 9]), st.sampled_from([0.0, 0.2, 1.0])), min_size=8, max_size=24
    ),
)
def test_whatever_is_asked_for_and_when_neither_budget_nor_cooldown_nor_quiet_hours_are_broken(limits, asked):
    """Drift in every window, decided on after so many hours. What is allowed is done, and helps nothing."""
    policy = endpoint(violations=2, windows=3, **limits)
    now, history = FIRST.end, []
    for hours, took in asked:
        now += timedelta(hours=hours)
        window, version = FIRST.shifted(round((now - FIRST.end) / FIRST.length)), f"v{len(history)}"
        drift = [verdict(0, version=version).model_copy(update={"window": window.shifted(-step)}) for step in range(3)]
        decision = decide(drift, policy.rules)
        known = [one if one.ended_at <= now else under_way(one) for one in history]
        permission = permit(decision, policy, known, now=now, standing=Standing(version))
        if permission.allowed == "retrain":
            history.append(retraining(now, minutes=took * 60, version=version))
    limits = policy.decision
    starts = [record.started_at for record in history]
    for earlier, later in itertools.pairwise(history):
        cooldown = timedelta(hours=limits.cooldown_hours)
        assert not cooldown or later.started_at >= earlier.ended_at + cooldown
    for span, count, hours in (
        (DAY, limits.budget.retrainings_a_day, limits.budget.training_hours_a_day),
        (MONTH, limits.budget.retrainings_a_month, limits.budget.training_hours_a_month),
    ):
        for end in starts:
            recent = [record for record in history if end - span < record.started_at <= end]
            assert count is None or len(recent) <= count
            assert hours is None or sum(record.seconds(3600) for record in recent) <= hours * 3600
    assert not any(moment.weekday() == 0 for moment in starts if limits.quiet_hours == ("Mon",))
    assert not any(not 6 <= moment.hour < 22 for moment in starts if limits.quiet_hours == ("22:00-06:00",))


# Old windows, replaced versions


@pytest.mark.parametrize(("hours", "may"), [(0, True), (48, True), (48.01, False), (500, False)])
def test_old_drift_is_recorded_but_starts_nothing_and_tells_nobody(hours, may):
    permission = allowed(endpoint(), now=END + timedelta(hours=hours))
    assert (permission.allowed == "retrain") is may
    assert ("act_within_hours = 48" in permission.reason) is not may
    assert permission.tell == ()


def test_a_decision_for_nothing_needs_no_guard():
    permission = allowed(endpoint(), verdicts=[verdict(0, "OK")])
    assert (permission.allowed, permission.guards) == ("nothing", ())


def test_a_clock_without_a_time_zone_is_refused():
    with pytest.raises(WindowError, match="time zone"):
        allowed(endpoint(), now=datetime(2026, 11, 2))  # noqa: DTZ001


def test_drift_of_a_version_that_was_replaced_is_answered_but_capture_that_is_off_is_of_no_version():
    permission = allowed(endpoint(), serving="loans-v2")
    assert (permission.allowed, held(permission)) == ("nothing", ["replaced"])
    off = allowed(endpoint(), verdicts=[verdict(1, "CAPTURE_OFF", version=None)], serving="loans-v2")
    assert (off.allowed, off.tell) == ("notify", ("data_owner",))


def test_a_version_is_retrained_once_a_day():
    today = [retraining(END, minutes=5, version="loans-v1")]
    permission = allowed(endpoint(), history=today, now=END + timedelta(hours=2))
    assert (permission.allowed, held(permission)) == ("nothing", ["answered"])
    assert allowed(endpoint(), history=today, now=END + timedelta(hours=24)).allowed == "retrain"
    other = [retraining(END, minutes=5, version="loans-v0")]
    assert allowed(endpoint(), history=other, now=END + timedelta(hours=2)).allowed == "retrain"


# The other actions


def acting(action, **more):
    return endpoint(rules=[{"name": "drift", "violations": 2, "windows": 3, "action": action, **more}])


@pytest.mark.parametrize("action", ["rollback", "scale", "pause"])
def test_an_action_answers_a_version_once_a_day_and_other_actions_do_not_count(action):
    today = retraining(END, minutes=0, version="loans-v1", action=action)
    later = END + timedelta(hours=2)
    assert allowed(acting(action)).allowed == action
    assert held(allowed(acting(action), history=[today], now=later)) == ["answered"]
    assert allowed(acting(action), history=[today], now=END + timedelta(hours=24)).allowed == action
    retrained = today.model_copy(update={"action": "retrain"})
    of_another = today.model_copy(update={"model_version": "loans-v0"})
    assert allowed(acting(action), history=[retrained, of_another], now=later).allowed == action


def test_a_cooldown_holds_what_is_of_a_kind_and_a_bad_retraining_can_be_rolled_back_at_once():
    policy = endpoint(rules=[{"name": "drift", "violations": 2, "windows": 3, "action": "rollback"}], cooldown_hours=6)
    before = END - timedelta(hours=2)
    assert allowed(policy, history=[retraining(before, minutes=30)]).allowed == "rollback"
    permission = allowed(policy, history=[retraining(before, minutes=0, action="rollback")])
    assert (permission.allowed, held(permission)) == ("notify", ["cooldown"])


def test_budgets_are_of_retrainings_alone():
    spent = endpoint(
        rules=[{"name": "drift", "violations": 2, "windows": 3, "action": "scale"}],
        budget={"retrainings_a_day": 0, "training_hours_a_day": 1},
    )
    assert allowed(spent, history=[retraining(END)]).allowed == "scale"


@pytest.mark.parametrize(
    ("policy", "standing", "guard"),
    [
        (acting("rollback"), {"no_way_back": "No version before loans-v1 is on record."}, "way_back"),
        (acting("scale", scaling={"maximum_instances": 2}), {"instances": 2}, "scaling"),
    ],
)
def test_what_is_not_possible_is_told_to_people_in_its_place(policy, standing, guard):
    permission = allowed(policy, **standing)
    assert (permission.allowed, permission.tell, held(permission)) == ("notify", ("endpoint_owner",), [guard])


def test_a_rollback_needs_to_know_which_version_it_is_to_go_back_from():
    policy = endpoint(rules=[{"name": "capture", "statuses": ["CAPTURE_OFF"], "action": "rollback"}])
    permission = allowed(policy, verdicts=[verdict(1, "CAPTURE_OFF", version=None)])
    assert (permission.allowed, held(permission)) == ("notify", ["way_back"])


def deployed(version, day, how="deploy"):
    at = FIRST.start - timedelta(days=9 - day)
    return Deployment(endpoint="loans", model_version=version, in_service_from=at, endpoint_config="c", how=how)


@pytest.mark.parametrize(
    ("deployments", "serving", "why"),
    [
        ((), None, "No deployment is on record"),
        ((deployed("v1", 1),), "v1", "No version before v1"),
        ((deployed("v2", 2), deployed("v1", 1)), "v2", ""),
        ((deployed("v1", 1), deployed("v2", 2), deployed("v1", 3, "rollback")), "v1", "v1 was brought back"),
        ((deployed("v1", 1), deployed("v2", 2), deployed("v1", 3, "redeploy")), "v1", ""),
    ],
)
def test_there_is_a_way_back_where_a_version_before_is_known_and_none_was_brought_back(deployments, serving, why):
    standing = Standing.of(deployments)
    assert standing.serving == serving
    assert standing.no_way_back.startswith(why)
    assert bool(standing.no_way_back) is bool(why)


# What keeps retraining from costing too much


@pytest.mark.parametrize(
    ("limits", "history", "guard"),
    [
        ({"cooldown_hours": 3}, [retraining(END - timedelta(hours=2))], "cooldown"),
        ({"cooldown_hours": 3}, [retraining(END - timedelta(hours=4), minutes=120)], "cooldown"),
        ({"cooldown_hours": 0.1}, [retraining(END - timedelta(minutes=50))], "cooldown"),
        ({"budget": {"retrainings_a_day": 1}}, [retraining(END - timedelta(hours=23))], "budget"),
        ({"budget": {"retrainings_a_month": 1}}, [retraining(END - timedelta(days=30))], "budget"),
        ({"budget": {"retrainings_a_day": 0}}, [], "budget"),
        ({"budget": {"training_hours_a_day": 1.5}}, [retraining(END - timedelta(hours=9), minutes=31)], "budget"),
        ({"budget": {"training_hours_a_day": 1.5}}, [retraining(END - timedelta(hours=9))], "budget"),
        ({"quiet_hours": ["Mon 01:00-03:00"]}, [], "quiet_hours"),
    ],
)
def test_what_is_held_back_is_told_to_the_endpoints_owner_in_its_place(limits, history, guard):
    policy = endpoint(violations=2, windows=3, **limits)
    permission = allowed(policy, history=history)
    assert (permission.allowed, permission.tell, held(permission)) == ("notify", ("endpoint_owner",), [guard])
    assert "decision." in permission.reason


@pytest.mark.parametrize(
    ("limits", "history"),
    [
        ({"cooldown_hours": 3}, [retraining(END - timedelta(hours=4), minutes=60)]),
        ({"cooldown_hours": 3}, [retraining(END - timedelta(hours=4))]),
        ({"budget": {"retrainings_a_day": 1}}, [retraining(END - timedelta(hours=24))]),
        ({"budget": {"retrainings_a_month": 1}}, [retraining(END - timedelta(days=31))]),
        ({"budget": {"training_hours_a_day": 1.5}}, [retraining(END - timedelta(hours=9), minutes=30)]),
        ({"quiet_hours": ["Tue", "03:00-04:00", "22:00-02:00"]}, []),
    ],
)
def test_at_the_limit_the_retraining_starts(limits, history):
    assert allowed(endpoint(violations=2, windows=3, **limits), history=history).allowed == "retrain"


# One alert an incident


def told(at, step=1, rule="drift"):
    return ActionRecord(
        endpoint="loans", action="notify", id=str(at), started_at=at, rule=rule, tell=("endpoint_owner",),
        window=FIRST.shifted(step),
    )  # fmt: skip


def of_drift(steps):
    policy = endpoint(violations=2, windows=3, action="notify")
    verdicts = [verdict(step) for step in range(steps)]
    (incident,) = incidents_of(verdicts, policy.rules[-1], policy.decision.incidents)
    return policy, verdicts, incident


def test_an_incident_is_told_once_and_again_as_a_reminder():
    policy, verdicts, incident = of_drift(6)
    now = FIRST.shifted(5).end

    def tell(*history):
        return allowed(policy, verdicts=verdicts, now=now, history=history, incident=incident)

    assert tell().tell == ("endpoint_owner",)
    again = tell(told(now - timedelta(hours=4)))
    assert (again.allowed, held(again)) == ("nothing", ["told"])
    assert tell(told(now - timedelta(hours=24))).tell == ("endpoint_owner",)
    untold = told(now - timedelta(hours=4)).model_copy(update={"action": "retrain", "tell": ()})
    assert tell(untold).tell == ("endpoint_owner",)
    assert tell(told(now - timedelta(hours=4), rule="capture")).tell == ("endpoint_owner",)
    assert tell(told(now - timedelta(hours=4), step=-40)).tell == ("endpoint_owner",)


def test_who_is_told_of_a_retraining_is_told_once_but_the_retraining_goes_on():
    policy = endpoint(rules=[{"name": "drift", "action": "retrain", "tell": ["data_owner"]}])
    assert allowed(policy).tell == ("data_owner",)
    permission = allowed(policy, history=[told(END)])
    assert (permission.allowed, permission.tell, held(permission)) == ("retrain", (), ["told"])


def test_the_incident_of_a_decision_is_the_latest_that_its_windows_belong_to():
    policy = endpoint()
    broken = [verdict(0), verdict(9)]
    early, late = incidents_of(
        [*broken, *(verdict(step, "OK") for step in range(1, 9))], policy.rules[-1], policy.decision.incidents
    )
    assert containing((early, late), [FIRST, FIRST.shifted(9)]) == late
    assert containing((early, late), [FIRST.shifted(4)]) is None
