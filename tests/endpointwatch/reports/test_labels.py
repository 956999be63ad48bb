"""When a verdict that needs labels is provisional, when it is final, and when there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.capture.accounting import SetAside
from endpointwatch.config.ground_truth import GroundTruth
from endpointwatch.config.window import Window
from endpointwatch.merge.counts import Captures, Labels, Merged
from endpointwatch.monitors.findings import Violation
from endpointwatch.reports.labels import WindowLabels, percent, settled
from endpointwatch.reports.verdict import REMEDIES, Verdict

WINDOW = Window(start=datetime(2026, 11, 1, 14, tzinfo=UTC), end=datetime(2026, 11, 1, 15, tzinfo=UTC))
BROKEN = Violation(metric_name="auc", constraint_check_type="LessThanThreshold", description="d")


def verdict(status="OK", **more):
    about = {"endpoint": "loans", "monitor": "model_quality", "window": WINDOW}
    return Verdict(**about, status=status, evidence="All constraints hold.", **more)


def labels(matched, captures, *, closed=False, merged=None, **limits):
    counts = Captures(read=captures, captures=captures, matched=matched, unmatched=captures - matched)
    merged = (merged or Merged()).model_copy(update={"captures": counts})
    return WindowLabels(merged, GroundTruth(uri="s3://bucket/truth", **limits), "manifest", closed)


@pytest.mark.parametrize(
    ("status", "matched", "closed", "expected"),
    [
        ("OK", 31, False, "PROVISIONAL"),
        ("VIOLATIONS", 31, False, "PROVISIONAL"),
        ("TOO_FEW_ROWS", 1, False, "PROVISIONAL"),
        ("NO_DATA", 0, False, "PROVISIONAL"),
        ("NO_DATA", 0, True, "LABELS_MISSING"),
        ("OK", 31, True, "OK"),
        ("VIOLATIONS", 31, True, "VIOLATIONS"),
        ("OK", 95, False, "OK"),
        ("VIOLATIONS", 100, False, "VIOLATIONS"),
        ("NO_BASELINE", 31, False, "NO_BASELINE"),
        ("ENCODING_MIXED", 31, False, "ENCODING_MIXED"),
        ("NO_BASELINE", 0, True, "LABELS_MISSING"),
    ],
)
def test_labels_decide_what_a_verdict_on_labelled_rows_is_worth(status, matched, closed, expected):
    found = settled(verdict(status), labels(matched, 100, closed=closed))
    assert found.status == expected
    assert found.remedy == REMEDIES[expected]
    assert found.label_coverage == matched / 100
    assert found.labels_manifest == "manifest"
    assert f"{matched} of 100 inferences have a label ({matched} %)" in found.evidence


def test_a_provisional_verdict_shows_the_violations_so_far_and_from_when_on_it_is_final():
    found = settled(verdict("VIOLATIONS", violations=(BROKEN,)), labels(31, 100))
    assert found.violations == (BROKEN,)
    assert found.evidence == (
        "31 of 100 inferences have a label (31 %); final from 95 % on. So far: All constraints hold."
    )


def test_a_window_without_captures_is_judged_as_it_is():
    assert settled(verdict("NO_DATA"), labels(0, 0, closed=True)).status == "NO_DATA"


def test_fewer_labels_than_asked_for_are_not_judged_once_no_more_are_waited_for():
    assert settled(verdict(), labels(9, 9, minimum_labels=10)).status == "PROVISIONAL"
    found = settled(verdict(), labels(9, 9, minimum_labels=10, closed=True))
    assert found.status == "TOO_FEW_ROWS"
    assert "ground_truth.minimum_labels = 10" in found.evidence


def test_what_is_wrong_with_the_labels_is_counted_and_named():
    fault = SetAside(file="15/l.jsonl", line=3, reason="the line is not valid JSON")
    merged = Merged(labels=Labels(read=40, labels=37, used=31, conflicting=6, set_aside=3), set_aside=(fault,))
    found = settled(verdict(), labels(97, 100, merged=merged))
    assert found.set_aside == (fault,)
    assert found.labels == merged.labels
    assert found.evidence.endswith(
        "Of 40 label records 3 could not be read (the first: 15/l.jsonl:3: the line is not valid JSON) "
        "and 6 say something else than a later one of the same id."
    )


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_a_share_in_percent_never_claims_more_than_there_is(part, whole):
    share = min(part, whole) / whole
    told = int(percent(share).removesuffix(" %"))
    assert told == min(part, whole) * 100 // whole
