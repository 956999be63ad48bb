"""The likely cause, by rule; and what follows from it for who is told, how loudly, and since when."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import FIRST, decided, endpoint, unanswered, verdict

from endpointwatch.config.notifications import AUDIENCES, SEVERITIES
from endpointwatch.decisions import Decision
from endpointwatch.monitors.findings import Check
from endpointwatch.reports.message import decision_message
from endpointwatch.reports.message.causes import likely_cause
from endpointwatch.reports.message.decision import DONE
from endpointwatch.reports.verdict import Status, Verdict

DRIFTED = verdict("data_quality", 0, "baseline_drift_check")
FELL = verdict("model_quality", 0, "LessThanThreshold")
FINE = verdict("data_quality")
EXTRA = verdict("data_quality", 0, "extra_column_check", status="SCHEMA_CHANGED")

CASES = [
    ([FELL, FINE], "concept_drift", "endpoint_owner", "critical"),
    ([FELL, DRIFTED], "covariate_drift", "endpoint_owner", "critical"),
    ([FELL, unanswered("NO_BASELINE")], "quality_fell", "endpoint_owner", "critical"),
    ([DRIFTED], "covariate_drift", "endpoint_owner", "warning"),
    ([DRIFTED, unanswered("PROVISIONAL", "model_quality")], "covariate_drift", "endpoint_owner", "warning"),
    ([verdict("data_quality", 0, "missing_column_check"), DRIFTED, FELL], "missing_columns", "data_owner", "critical"),
    ([EXTRA], "schema_break", "data_owner", "critical"),
    ([unanswered("ENCODING_MIXED")], "schema_break", "data_owner", "critical"),
    ([unanswered("CAPTURE_OFF")], "capture_off", "data_owner", "warning"),
    ([unanswered("CAPTURE_LAGGING")], "capture_lagging", "endpoint_owner", "warning"),
    ([unanswered("LABELS_MISSING", "model_quality"), FINE], "label_delay", "label_owner", "warning"),
    ([unanswered("PROVISIONAL", "model_quality"), FINE], "label_delay", "label_owner", "warning"),
    ([unanswered("JOB_FAILED"), DRIFTED], "infrastructure", "endpoint_owner", "warning"),
    ([unanswered("NO_BASELINE")], "no_baseline", "endpoint_owner", "warning"),
    ([unanswered("NO_DATA")], "little_traffic", "endpoint_owner", "info"),
    ([unanswered("TOO_FEW_ROWS")], "little_traffic", "endpoint_owner", "info"),
    ([verdict("data_quality", 0, "completeness_check", "data_type_check")], "wrong_values", "data_owner", "warning"),
    (
        [verdict("data_quality", 0, "completeness_check", "baseline_drift_check")],
        "covariate_drift",
        "endpoint_owner",
        "warning",
    ),
    (
        [verdict("attribution", 0, "feature_attribution_drift_check"), FINE],
        "attribution_shift",
        "endpoint_owner",
        "warning",
    ),
    ([verdict("bias", 0, "bias_drift_check"), FINE], "group_disparity", "endpoint_owner", "warning"),
    ([FINE, verdict("bias")], "none", "endpoint_owner", "info"),
    ([], "none", "endpoint_owner", "info"),
]


@pytest.mark.parametrize(("verdicts", "word", "audience", "severity"), CASES)
def test_each_pattern_of_verdicts_has_its_likely_cause(verdicts, word, audience, severity):
    for order in permutations(verdicts):
        cause = likely_cause(order)
        assert (cause.word, cause.audience, cause.severity) == (word, audience, severity)


@settings(max_examples=100)
@given(
    st.lists(
        st.builds(
            lambda monitor, status, checks: verdict(monitor, 0, *checks, status=status),
            st.sampled_from(["data_quality", "model_quality", "bias", "attribution", "custom"]),
            st.sampled_from(get_args(Status)),
            st.lists(st.sampled_from(get_args(Check)), max_size=4),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_the_verdicts_say_there_is_a_message_with_a_cause_and_a_next_step(verdicts: list[Verdict]):
    one_each = list({one.monitor: one for one in verdicts}.values())
    _, message = decided(one_each)
    assert message.severity in SEVERITIES
    assert set(message.audiences) <= set(AUDIENCES)
    assert message.next_steps
    assert message.owner
    # A window in which something was found is never told as if all were well.
    if any(one.status == "VIOLATIONS" for one in one_each):
        assert message.cause != "none"


def test_the_same_decision_gives_the_same_message_whatever_the_order_of_its_verdicts_files():
    verdicts = [verdict("data_quality", 0, "baseline_drift_check"), verdict("data_quality", 1, "baseline_drift_check")]
    assert decided(verdicts) == decided(list(reversed(verdicts)))


def test_it_began_with_the_first_window_that_was_held_against_the_model():
    verdicts = [verdict("data_quality"), DRIFTED.model_copy(update={"window": FIRST.shifted(1)}),
                verdict("data_quality", 2, "baseline_drift_check")]  # fmt: skip
    _, message = decided(verdicts)
    assert message.since == FIRST.shifted(1).start


def test_the_incident_knows_better_when_it_began_than_three_windows_do():
    earlier = FIRST.shifted(-20).start
    assert decided([DRIFTED], since=earlier)[1].since == earlier


def test_a_message_is_for_the_owner_of_the_data_by_name_and_for_the_endpoints_where_nobody_is_named():
    missing = [verdict("data_quality", 0, "missing_column_check")]
    assert decided(missing)[1].owner == "data-platform"
    assert decided(missing, notifications={"data_owner": ""})[1].owner == "credit"


def test_each_action_of_a_decision_says_what_was_done():
    decision = decided([DRIFTED, verdict("data_quality", 1, "baseline_drift_check")])[0]
    assert decision.action == "retrain"
    actions = get_args(Decision.model_fields["action"].annotation)
    assert set(actions) <= set(DONE)


def test_a_rollback_is_critical_whatever_it_answers():
    message = decision_message(endpoint(), decided([DRIFTED])[0], [DRIFTED], action="rollback")
    assert message.severity == "critical"
    assert "loans__rollback" in message.done


def test_whoever_is_to_be_told_by_name_is_told_in_place_of_whom_the_cause_concerns():
    missing = [verdict("data_quality", 0, "missing_column_check")]
    message = decided(missing, audiences=["endpoint_owner", "data_owner"], reason="Because.")[1]
    assert message.audiences == ("endpoint_owner", "data_owner")
    assert message.owner == "credit, data-platform"
    assert message.happened[0] == "Because."
