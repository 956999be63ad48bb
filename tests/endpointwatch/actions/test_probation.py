"""Whether a version keeps its place: a pure function of record, verdicts and settings."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.actions.probation import probation
from endpointwatch.config.deployment import Probation
from endpointwatch.config.window import Window
from endpointwatch.monitors.findings import Distance, Violation
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.verdict import Verdict

START = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
DEPLOYED = Deployment(endpoint="loans", model_version="v2", in_service_from=START, endpoint_config="c")


def verdict(hour, status="OK", *, monitor="data_quality", version="v2", distance=None, method="linf_robust") -> Verdict:
    """On the hour that began so many hours after noon; the deployment was at half past twelve."""
    start = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(hours=hour)
    near = Distance(feature_name="income", method=method, distance=distance or 0.0, threshold=0.1, exceeded=False)
    violation = Violation(feature_name="income", constraint_check_type="baseline_drift_check", description="far")
    return Verdict(
        endpoint="loans", monitor=monitor, window=Window.of(start, start + timedelta(hours=1)), status=status,
        model_version=version, violations=(violation,) if status == "VIOLATIONS" else (),
        distances=(near,) if distance is not None else (),
    )  # fmt: skip


def outcome(*verdicts, **told):
    return probation(DEPLOYED, verdicts, Probation(**told))


def test_three_good_windows_pass():
    assert outcome(*(verdict(hour) for hour in (1, 2, 3))).status == "passed"


def test_fewer_windows_are_no_answer_yet():
    found = outcome(verdict(1), verdict(2))
    assert (found.status, len(found.windows)) == ("pending", 2)


def test_one_bad_window_fails_at_once_and_says_why():
    found = outcome(verdict(1, "VIOLATIONS"))
    assert found.status == "failed"
    assert "1 of the first 1 windows of v2" in found.why
    assert "data_quality: 1 violations" in found.evidence[0]


def test_a_window_that_began_before_the_deployment_is_another_version_s():
    assert outcome(verdict(0, "VIOLATIONS"), *(verdict(hour) for hour in (1, 2, 3))).status == "passed"


def test_violations_after_probation_are_for_the_usual_decision():
    assert outcome(*(verdict(hour) for hour in (1, 2, 3)), verdict(4, "VIOLATIONS")).status == "passed"


def test_hours_without_an_answer_prove_nothing():
    empty = [verdict(hour, "NO_DATA") for hour in (1, 2, 3)]
    assert outcome(*empty).status == "pending"
    assert outcome(*empty, verdict(4, "VIOLATIONS")).status == "failed"


def test_drift_below_its_threshold_fails_by_the_stricter_limit():
    assert outcome(verdict(1, distance=0.09)).status == "failed"
    assert outcome(verdict(1, distance=0.07)).status == "pending"
    assert outcome(verdict(1, distance=0.09), tightening=1.0).status == "pending"


def test_of_a_p_value_the_smaller_is_the_stricter_limit_s_violation():
    # Limit 0.1: drift below it. On probation below 0.125.
    assert outcome(verdict(1, distance=0.12, method="chi_squared_p_value")).status == "failed"
    assert outcome(verdict(1, distance=0.13, method="chi_squared_p_value")).status == "pending"


def test_labels_that_are_still_arriving_keep_the_answer_open():
    good = [verdict(hour) for hour in (1, 2, 3)]
    late = verdict(3, "PROVISIONAL", monitor="model_quality")
    assert outcome(*good, late).status == "pending"
    assert outcome(*good, verdict(3, "VIOLATIONS", monitor="model_quality")).status == "failed"
    assert outcome(*good, late, monitors=["data_quality"]).status == "passed"


def test_a_version_that_was_brought_back_is_on_no_probation():
    back = DEPLOYED.model_copy(update={"how": "rollback"})
    assert probation(back, [verdict(1, "VIOLATIONS")], Probation()).status == "passed"


STATUSES = st.sampled_from(["OK", "VIOLATIONS", "PROVISIONAL", "NO_DATA", "TOO_FEW_ROWS", "JOB_FAILED"])
HISTORY = st.lists(
    st.builds(
        verdict,
        st.integers(0, 8),
        STATUSES,
        monitor=st.sampled_from(["data_quality", "bias"]),
        version=st.sampled_from(["v1", "v2"]),
        distance=st.none() | st.floats(0, 0.2),
    ),
    max_size=14,
    unique_by=lambda v: (v.window, v.monitor),
)


@settings(max_examples=150, deadline=None)
@given(history=HISTORY, seed=st.integers(0, 9), windows=st.integers(1, 4))
def test_the_order_of_the_verdicts_is_of_no_account(history, seed, windows):
    mixed = list(history)
    random.Random(seed).shuffle(mixed)
    assert outcome(*mixed, windows=windows) == outcome(*history, windows=windows)


@settings(max_examples=150, deadline=None)
@given(history=HISTORY, windows=st.integers(1, 4), strict=st.floats(0.1, 1), stricter=st.floats(0.1, 1))
def test_stricter_limits_never_let_more_through(history, windows, strict, stricter):
    low, high = sorted((strict, stricter))
    tight = outcome(*history, windows=windows, tightening=low)
    loose = outcome(*history, windows=windows, tightening=high)
    assert set(loose.violated) <= set(tight.violated)
    assert not (loose.status == "failed" and tight.status != "failed")


@settings(max_examples=150, deadline=None)
@given(history=HISTORY, more=HISTORY, windows=st.integers(1, 4))
def test_what_has_passed_or_failed_does_so_for_good(history, more, windows):
    """Later windows are no part of probation: an answer that was final stays, whatever comes after."""
    before = outcome(*history, windows=windows)
    last = max((window.end for window in before.windows), default=START + timedelta(days=9))
    after = [late for late in more if late.window.start >= last]
    again = outcome(*history, *after, windows=windows)
    if before.status != "pending":
        assert again.status == before.status
