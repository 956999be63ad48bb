from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from decision_examples import FIRST, VERDICTS, endpoint, policies, rules, verdict, violation

from endpointwatch.config.window import Window
from endpointwatch.decisions import Decision, affected_windows, concerns, decide, evidence_windows
from endpointwatch.errors import WindowError

RULES = rules(violations=2, windows=3)
FEW = settings(max_examples=60, deadline=None)


# Laws


@FEW
@given(VERDICTS, policies(), st.randoms())
def test_a_decision_depends_on_the_set_of_verdicts_not_on_their_order_or_repetition(verdicts, policy, chance):
    shuffled = verdicts + verdicts[:3]
    chance.shuffle(shuffled)
    assert decide(shuffled, policy.rules).to_json() == decide(verdicts, policy.rules).to_json()


@FEW
@given(VERDICTS, policies())
def test_verdicts_older_than_the_windows_of_all_rules_change_nothing(verdicts, policy):
    newest = max(v.window.end for v in verdicts)
    seen = evidence_windows(Window(start=newest - FIRST.length, end=newest), policy.rules)
    recent = [v for v in verdicts if v.window in seen]
    assert decide(recent, policy.rules) == decide(verdicts, policy.rules)


@FEW
@given(VERDICTS, policies())
def test_the_first_rule_that_is_met_decides_and_every_rule_says_why_it_did_or_did_not(verdicts, policy):
    decision = decide(verdicts, policy.rules)
    assert [outcome.rule.name for outcome in decision.rules] == [rule.name for rule in policy.rules]
    met = [outcome for outcome in decision.rules if len(outcome.windows) >= outcome.rule.violations]
    assert [outcome for outcome in decision.rules if outcome.fired] == met[:1]
    assert (decision.rule, decision.action) == ((met[0].rule.name, met[0].rule.action) if met else (None, "nothing"))
    assert all(outcome.reason for outcome in decision.rules)
    for outcome in met[1:]:
        assert f"{met[0].rule.name!r} stands before" in outcome.reason


@FEW
@given(VERDICTS, policies())
def test_a_decision_read_back_from_its_file_is_the_same_decision(verdicts, policy):
    decision = decide(verdicts, policy.rules)
    assert Decision.from_json(decision.to_json()) == decision


@FEW
@given(VERDICTS, policies(), st.integers(1, 3))
def test_a_longer_history_of_the_same_pattern_never_makes_it_less_alarmed(verdicts, policy, times):
    """The same windows once more before the first: whatever was met is met still, by at least as many windows."""
    every = {one.window for one in verdicts}
    span = round((max(w.end for w in every) - min(w.start for w in every)) / FIRST.length)
    longer = [
        one.model_copy(update={"window": one.window.shifted(-span * time)})
        for time in range(times + 1)
        for one in verdicts
    ]
    short, long = decide(verdicts, policy.rules), decide(longer, policy.rules)
    for before, after in zip(short.rules, long.rules, strict=True):
        assert {one.window for one in before.windows} <= {one.window for one in after.windows}
    assert (long.rule is not None) or (short.rule is None)


@FEW
@given(VERDICTS, policies())
def test_what_is_never_retrained_for_never_is(verdicts, policy):
    decision = decide(verdicts, policy.rules)
    for outcome in decision.rules:
        if outcome.rule.action == "retrain":
            counting = {one.window for one in outcome.windows}
            assert not any(seen.broken for seen in decision.evidence if seen.counted and seen.window in counting)


@FEW
@given(VERDICTS, policies())
def test_a_window_that_no_rule_is_concerned_by_changes_no_decision_to_an_action(verdicts, policy):
    if not concerns(verdicts, policy.rules):
        assert decide(verdicts, policy.rules).action == "nothing"


# The short form, as it always was


def test_two_of_three_violated_windows_ask_for_retraining():
    decision = decide([verdict(0, "OK"), verdict(1), verdict(2)], RULES)
    assert (decision.action, decision.rule) == ("retrain", "drift")
    assert decision.reason == "2 of the last 3 windows of loans-v1 had violations, which meets the rule's 2: retrain."
    assert decision.window == FIRST.shifted(2)


def test_one_violated_window_and_one_without_an_answer_ask_for_nothing_and_say_what_is_asked_for():
    decision = decide([verdict(0, "NO_DATA"), verdict(1, "TOO_FEW_ROWS"), verdict(2)], RULES)
    assert (decision.action, decision.violated_windows) == ("nothing", 1)
    assert decision.reason == "1 of the last 3 windows of loans-v1 had violations; the rule 'drift' asks for 2."


def test_two_monitors_that_object_to_the_same_window_count_once():
    assert decide([verdict(2), verdict(2, monitor="bias")], RULES).violated_windows == 1


def test_drift_of_the_replaced_model_version_is_not_held_against_the_new_one():
    decision = decide([verdict(0), verdict(1), verdict(2, "OK", version="loans-v2")], RULES)
    assert decision.action == "nothing"
    assert [seen.counted for seen in decision.evidence] == [False, False, True]


def test_a_window_without_traffic_does_not_make_the_drift_before_it_forgotten():
    decision = decide([verdict(0), verdict(1), verdict(2, "NO_DATA", version=None)], RULES)
    assert (decision.action, decision.model_version) == ("retrain", "loans-v1")


def test_a_provisional_verdict_counts_neither_way_until_it_is_final():
    waiting = decide([verdict(0), verdict(1, "PROVISIONAL")], RULES)
    assert (waiting.violated_windows, [seen.counted for seen in waiting.evidence]) == (1, [True, False])
    final = decide([verdict(0), verdict(1)], RULES)
    assert final.violated_windows == 2
    assert final.evidence_hash != waiting.evidence_hash


def test_other_evidence_or_another_rule_is_another_decision_but_not_another_patience():
    seen = [verdict(0), verdict(1)]
    same = decide(seen, rules(violations=2, windows=3, act_within_hours=5, cooldown_hours=9))
    assert same.to_json() == decide(seen, RULES).to_json()
    others = (
        decide([*seen, verdict(2, "OK")], RULES),
        decide(seen, rules(violations=1, windows=3)),
        decide([verdict(0), verdict(1, violations=(violation(feature="price"),))], RULES),
    )
    assert len({same.evidence_hash, *(other.evidence_hash for other in others)}) == 4


def test_a_verdict_can_change_the_decisions_on_its_own_and_the_next_windows():
    assert affected_windows(FIRST, RULES) == (FIRST, FIRST.shifted(1), FIRST.shifted(2))
    for window in affected_windows(FIRST, RULES):
        assert FIRST in evidence_windows(window, RULES)
    assert FIRST not in evidence_windows(FIRST.shifted(3), RULES)


def test_deciding_on_nothing_or_on_two_endpoints_is_refused():
    with pytest.raises(WindowError, match="no verdict"):
        decide([], RULES)
    with pytest.raises(WindowError, match="one endpoint"):
        decide([verdict(0), verdict(0).model_copy(update={"endpoint": "other"})], RULES)


# What no retraining mends


@pytest.mark.parametrize(
    ("broken", "rule", "owner"),
    [
        (verdict(2, "SCHEMA_CHANGED"), "broken_data", "data_owner"),
        (verdict(2, violations=(violation("missing_column_check", "Missing columns"),)), "broken_data", "data_owner"),
        (verdict(2, "ENCODING_MIXED"), "broken_data", "data_owner"),
        (verdict(2, "CAPTURE_OFF", version=None), "capture", "data_owner"),
        (verdict(2, "CAPTURE_LAGGING"), "capture", "data_owner"),
        (verdict(2, "LABELS_MISSING"), "missing_labels", "label_owner"),
    ],
)
def test_what_no_retraining_mends_is_told_to_who_can_even_when_there_is_drift_too(broken, rule, owner):
    decision = decide([verdict(0), verdict(1), broken], RULES)
    assert (decision.rule, decision.action, decision.tell) == (rule, "notify", (owner,))


def test_windows_with_broken_data_are_no_drift_later_on_either():
    broken = verdict(0, violations=(violation(), violation("missing_column_check", "price")))
    assert decide([broken, verdict(1), verdict(2, "OK")], RULES).violated_windows == 1


def test_a_rule_of_the_same_name_takes_a_standing_rules_place():
    quieter = rules(
        rules=[
            {"name": "drift", "action": "retrain"},
            {"name": "capture", "statuses": ["CAPTURE_OFF"], "action": "nothing"},
        ]
    )
    assert [rule.name for rule in quieter] == ["broken_data", "missing_labels", "drift", "capture"]
    assert decide([verdict(0, "CAPTURE_OFF")], quieter).action == "nothing"


def test_labels_are_known_to_be_missing_only_when_they_are_waited_for_no_longer():
    text = endpoint().model_dump(mode="json", exclude_unset=True)
    labelled = type(endpoint()).model_validate(
        {**text, "ground_truth": {"uri": "s3://bucket/labels", "maximum_age_hours": 100}}
    )
    hours = {rule.name: rule.act_within_hours for rule in labelled.rules}
    assert hours == {"broken_data": 48, "capture": 48, "missing_labels": 148, "drift": 48}


# Weights


def weighed(*verdicts, **rule):
    asked = rules(rules=[{"name": "weighed", "action": "notify", **rule}])
    return [one.points for one in decide(verdicts, asked).rules[-1].windows]


def found(*features):
    return tuple(violation(feature=feature) for feature in features)


def test_each_drifted_feature_has_its_weight_and_several_violations_of_one_count_once():
    drift = verdict(0, violations=(*found("hrat", "price", "price"), violation("completeness_check", "price")))
    assert weighed(drift, feature_weights={"price": 2.5}) == [3.5]
    assert weighed(drift, feature_weights={"price": 0.2, "hrat": 0.2}) == []
    assert weighed(drift, feature_weights={"price": 0.2, "hrat": 0.2}, threshold=0.4) == [0.4]


def test_violations_that_name_no_feature_make_one_point_times_the_monitors_weight():
    unfair = verdict(0, monitor="bias", violations=found(None, None))
    assert weighed(unfair) == [1.0]
    assert weighed(unfair, monitor_weights={"bias": 0.5}) == []
    assert weighed(unfair, verdict(0), monitor_weights={"bias": 0.5}, threshold=1.5) == [1.5]


def test_a_rule_looks_only_at_the_monitors_checks_and_features_that_it_names():
    drift = verdict(0, violations=found("hrat", "price"))
    assert weighed(drift, monitors=["bias"]) == []
    assert weighed(drift, checks=["completeness_check"]) == []
    assert weighed(drift, features=["price"]) == [1.0]


def test_a_verdict_that_objects_to_a_segment_alone_counts_by_rules_that_look_at_all():
    segment = verdict(0, violations=())
    assert weighed(segment) == [1.0]
    assert weighed(segment, features=["price"]) == []


def test_the_points_of_a_window_do_not_depend_on_the_order_of_its_verdicts():
    parts = [verdict(0, monitor="bias"), verdict(0, violations=found("a", "b", "c"))]
    weights = {"feature_weights": {"a": 0.1, "b": 0.2, "c": 0.3}, "monitor_weights": {"bias": 0.7}}
    assert len({tuple(weighed(*order, **weights)) for order in itertools.permutations(parts)}) == 1
