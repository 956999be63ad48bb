from __future__ import annotations

import itertools
import sys
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from decision_examples import FIRST, VERDICTS, endpoint, policies, verdict

from endpointwatch.decisions import STRENGTH, decide, evidence_windows
from endpointwatch.decisions.simulation import simulate
from endpointwatch.decisions.told import replayed

FEW = settings(max_examples=40, deadline=None)


@FEW
@given(VERDICTS, policies(), st.randoms())
def test_a_replay_depends_on_the_set_of_verdicts_alone(verdicts, policy, chance):
    shuffled = verdicts + verdicts[:3]
    chance.shuffle(shuffled)
    assert simulate(shuffled, policy).to_json() == simulate(verdicts, policy).to_json()


@FEW
@given(VERDICTS, policies())
def test_a_replay_decides_as_the_windows_were_decided_and_never_allows_more_than_was_asked_for(verdicts, policy):
    for step in simulate(verdicts, policy).steps:
        seen = evidence_windows(step.decision.window, policy.rules)
        assert step.decision == decide([v for v in verdicts if v.window in seen], policy.rules)
        assert STRENGTH.index(step.permission.allowed) <= STRENGTH.index(step.decision.action)


@FEW
@given(VERDICTS, policies())
def test_nothing_is_started_twice_for_a_version_on_one_day(verdicts, policy):
    started = [
        (record.action, record.model_version, record.started_at.date())
        for record in simulate(verdicts, policy).history
        if record.action != "notify"
    ]
    assert len(started) == len(set(started))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["OK", "VIOLATIONS"]), min_size=24, max_size=72), st.integers(1, 3))
def test_lasting_trouble_is_rolled_back_from_once_a_version_and_day(statuses, violations):
    policy = endpoint(rules=[{"name": "r", "violations": violations, "windows": 3, "action": "rollback"}])
    verdicts = [verdict(step, status, version=f"v{step // 30}") for step, status in enumerate(statuses)]
    simulation = simulate(verdicts, policy)
    asked = {
        (step.decision.model_version, step.permission.at.date())
        for step in simulation.steps
        if step.permission.asked == "rollback"
    }
    done_ = [(one.model_version, one.started_at.date()) for one in simulation.history if one.action == "rollback"]
    assert sorted(done_) == sorted(asked)


def months(days, **decision):
    """Drift in all hours of so many days."""
    return simulate([verdict(step) for step in range(24 * days)], endpoint(**decision), training=timedelta(hours=1))


def done(simulation, action):
    return [record.started_at for record in simulation.history if record.action == action]


def test_without_limits_lasting_drift_is_retrained_for_once_a_day_and_with_a_budget_as_often_as_that_says():
    assert [at.day for at in done(months(5, violations=2, windows=3), "retrain")] == [2, 3, 4, 5, 6, 7]
    spare = months(33, violations=2, windows=3, budget={"retrainings_a_month": 2})
    assert [(at - FIRST.start).days for at in done(spare, "retrain")] == [0, 1, 31, 32]
    assert len(done(months(5, violations=2, windows=3, cooldown_hours=47), "retrain")) == 3


def test_what_is_held_back_is_told_once_a_reminder_period():
    spare = months(4, violations=2, windows=3, budget={"retrainings_a_day": 0})
    told = done(spare, "notify")
    assert done(spare, "retrain") == []
    assert [later - earlier for earlier, later in itertools.pairwise(told)] == [timedelta(days=1)] * 3


def test_the_page_names_incidents_actions_and_what_was_held_back():
    statuses = {1: "VIOLATIONS", 2: "VIOLATIONS", 3: "VIOLATIONS", 9: "SCHEMA_CHANGED"}
    verdicts = [verdict(step, statuses.get(step, "OK")) for step in range(14)]
    page = replayed(simulate(verdicts, endpoint(violations=2, windows=3, quiet_hours=["03:00-04:00"])))
    incidents, actions, held, summary = page.split("\n\n")
    assert "broken_data  2026-11-02 09:00" in incidents
    assert "closed by 2026-11-02 07:00" in incidents
    assert [line.split("  ")[1] for line in actions.splitlines()[2:]] == ["drift", "drift", "broken_data"]
    assert "quiet_hours '03:00-04:00'" in held
    assert summary.startswith("14 windows, 4 decided on: 2 incidents, 1 retrainings (0.5 h), 2 alerts.")
    paused = endpoint(rules=[{"name": "p", "action": "pause"}])
    assert ", 1 pauses, 0 alerts." in replayed(simulate([verdict(0)], paused))
    assert replayed(simulate([verdict(0, "OK")], endpoint())).startswith(
        "Incidents: none\n\nActions: none\n\nHeld back: none"
    )
