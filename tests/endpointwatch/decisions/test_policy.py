from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.config.endpoint import Decision as Policy
from endpointwatch.config.window import Window
from endpointwatch.decisions import Decision, affected_windows, decide, evidence_windows, may_act
from endpointwatch.errors import WindowError
from endpointwatch.reports.verdict import Verdict, Violation

FIRST = Window(start=datetime(2026, 11, 1, tzinfo=UTC), end=datetime(2026, 11, 1, 1, tzinfo=UTC))
POLICY = Policy(violations=2, windows=3)
BROKEN = Violation(feature_name="hrat", constraint_check_type="baseline_drift_check", description="d")


def verdict(
    step: int, status: str = "VIOLATIONS", *, version: str = "loans-v1", monitor: str = "data_quality"
) -> Verdict:
    return Verdict(
        endpoint="loans",
        monitor=monitor,
        window=FIRST.shifted(step),
        status=status,
        model_version=version,
        violations=(BROKEN,) if status == "VIOLATIONS" else (),
    )


VERDICTS = st.lists(
    st.builds(
        verdict,
        st.integers(0, 8),
        st.sampled_from(["OK", "VIOLATIONS", "NO_DATA", "JOB_FAILED"]),
        version=st.sampled_from(["loans-v1", "loans-v2"]),
        monitor=st.sampled_from(["data_quality", "bias"]),
    ),
    min_size=1,
    max_size=12,
)
POLICIES = st.builds(
    lambda windows, violations: Policy(windows=windows, violations=min(windows, violations)),
    st.integers(1, 6),
    st.integers(1, 6),
)


@given(VERDICTS, POLICIES, st.randoms())
def test_a_decision_depends_on_the_set_of_verdicts_not_on_their_order_or_repetition(verdicts, policy, chance):
    shuffled = verdicts + verdicts[:3]
    chance.shuffle(shuffled)
    assert decide(shuffled, policy).to_json() == decide(verdicts, policy).to_json()


@given(VERDICTS, POLICIES)
def test_verdicts_older_than_the_policys_windows_change_nothing(verdicts, policy):
    newest = max(v.window.end for v in verdicts)
    recent = [
        v for v in verdicts if v.window in evidence_windows(Window(start=newest - FIRST.length, end=newest), policy)
    ]
    assert decide(recent, policy) == decide(verdicts, policy)


@given(VERDICTS, POLICIES)
def test_the_action_follows_from_the_counted_violated_windows_alone(verdicts, policy):
    decision = decide(verdicts, policy)
    counted = {seen.window for seen in decision.evidence if seen.counted and seen.status == "VIOLATIONS"}
    assert decision.violated_windows == len(counted)
    assert (decision.action != "nothing") == (len(counted) >= policy.violations)


@given(VERDICTS, POLICIES)
def test_a_decision_read_back_from_its_file_is_the_same_decision(verdicts, policy):
    decision = decide(verdicts, policy)
    assert Decision.from_json(decision.to_json()) == decision


def test_two_of_three_violated_windows_ask_for_retraining():
    decision = decide([verdict(0, "OK"), verdict(1), verdict(2)], POLICY)
    assert decision.action == "retrain"
    assert decision.reason == "2 of the last 3 windows of loans-v1 had violations, which meets the rule's 2: retrain."
    assert decision.window == FIRST.shifted(2)


def test_one_violated_window_and_one_without_an_answer_ask_for_nothing():
    assert decide([verdict(0, "NO_DATA"), verdict(1, "TOO_FEW_ROWS"), verdict(2)], POLICY).action == "nothing"


def test_two_monitors_that_object_to_the_same_window_count_once():
    assert decide([verdict(2), verdict(2, monitor="bias")], POLICY).violated_windows == 1


def test_drift_of_the_replaced_model_version_is_not_held_against_the_new_one():
    decision = decide([verdict(0), verdict(1), verdict(2, "OK", version="loans-v2")], POLICY)
    assert decision.action == "nothing"
    assert [seen.counted for seen in decision.evidence] == [False, False, True]


def test_a_window_without_traffic_does_not_make_the_drift_before_it_forgotten():
    quiet = verdict(2, "NO_DATA").model_copy(update={"model_version": None})
    decision = decide([verdict(0), verdict(1), quiet], POLICY)
    assert (decision.action, decision.model_version) == ("retrain", "loans-v1")


def test_a_provisional_verdict_counts_neither_way_until_it_is_final():
    waiting = decide([verdict(0), verdict(1, "PROVISIONAL")], POLICY)
    assert (waiting.violated_windows, [seen.counted for seen in waiting.evidence]) == (1, [True, False])
    final = decide([verdict(0), verdict(1)], POLICY)
    assert final.violated_windows == 2
    assert final.evidence_hash != waiting.evidence_hash


def test_other_evidence_or_another_rule_is_another_decision():
    seen = [verdict(0), verdict(1)]
    hashes = {
        decide(seen, POLICY).evidence_hash,
        decide([*seen, verdict(2, "OK")], POLICY).evidence_hash,
        decide(seen, Policy(violations=1, windows=3)).evidence_hash,
    }
    assert len(hashes) == 3


def test_a_verdict_can_change_the_decisions_on_its_own_and_the_next_windows():
    assert affected_windows(FIRST, POLICY) == (FIRST, FIRST.shifted(1), FIRST.shifted(2))
    for window in affected_windows(FIRST, POLICY):
        assert FIRST in evidence_windows(window, POLICY)
    assert FIRST not in evidence_windows(FIRST.shifted(3), POLICY)


@pytest.mark.parametrize(("hours", "allowed"), [(0, True), (48, True), (48.01, False), (500, False)])
def test_old_drift_is_recorded_but_starts_nothing(hours, allowed):
    decision = decide([verdict(0), verdict(1)], POLICY)
    permission = may_act(decision, POLICY, now=decision.window.end + timedelta(hours=hours))
    assert permission.allowed is allowed
    assert ("act_within_hours = 48" in permission.reason) is not allowed


def test_a_decision_for_nothing_never_may_act():
    decision = decide([verdict(0, "OK")], POLICY)
    assert not may_act(decision, POLICY, now=decision.window.end).allowed


def test_a_clock_without_a_time_zone_is_refused():
    with pytest.raises(WindowError, match="time zone"):
        may_act(decide([verdict(0)], POLICY), POLICY, now=datetime(2026, 11, 1))  # noqa: DTZ001


def test_deciding_on_nothing_or_on_two_endpoints_is_refused():
    with pytest.raises(WindowError, match="no verdict"):
        decide([], POLICY)
    with pytest.raises(WindowError, match="one endpoint"):
        decide([verdict(0), verdict(0).model_copy(update={"endpoint": "other"})], POLICY)
