"""An endpoint, verdicts on its hours, and how hypothesis draws both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from endpointwatch.config.decision import Action
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch.decisions import ActionRecord
from endpointwatch.reports.verdict import Verdict, Violation

FIRST = Window(start=datetime(2026, 11, 2, tzinfo=UTC), end=datetime(2026, 11, 2, 1, tzinfo=UTC))
TRAINING = {
    "image_uri": "i", "initial_dataset_uri": "s3://bucket/initial.csv", "artifacts_uri": "s3://bucket/artifacts",
    "ground_truth_uri": "s3://bucket/truth", "features": ["a"], "label": "y", "model_package_group": "loans",
    "max_runtime_seconds": 3600,
}  # fmt: skip


def endpoint(**decision: Any) -> Endpoint:
    """A valid endpoint with that ``decision`` section."""
    return Endpoint.model_validate(
        {
            "name": "loans",
            "aws": {"conn_id": None, "role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
            "results_uri": "s3://bucket/results",
            "capture": {"destination_uri": "s3://bucket/capture"},
            "schedule": {"start_date": "2026-03-01"},
            "job": {"image_uri": "i"},
            "monitors": [
                {"kind": "data_quality"},
                {"kind": "bias", "sensitive_features": [{"name": "sex", "values": [1]}]},
            ],
            "decision": decision or {"violations": 2, "windows": 3},
            "training": TRAINING,
        }
    )


def rules(**decision: Any) -> tuple[Any, ...]:
    return endpoint(**decision).rules


def violation(check: str = "baseline_drift_check", feature: str | None = "hrat") -> Violation:
    return Violation(feature_name=feature, constraint_check_type=check, description="d")


def verdict(
    step: int,
    status: str = "VIOLATIONS",
    *,
    version: str | None = "loans-v1",
    monitor: str = "data_quality",
    violations: tuple[Violation, ...] | None = None,
) -> Verdict:
    found = (violation(),) if status == "VIOLATIONS" else ()
    return Verdict(
        endpoint="loans", monitor=monitor, window=FIRST.shifted(step), status=status, model_version=version,
        violations=found if violations is None else violations,
    )  # fmt: skip


def retraining(
    at: datetime, *, minutes: float | None = None, name: str = "r", version: str = "v0", action: Action = "retrain"
) -> ActionRecord:
    """A retraining, or another action, that began at ``at`` and, when ``minutes`` are given, has ended."""
    record = ActionRecord(endpoint="loans", action=action, id=f"{name} {at}", started_at=at, model_version=version)
    if minutes is None:
        return record
    return record.ended(at + timedelta(minutes=minutes), "", training_jobs={"job": minutes * 60})


STATUSES = (
    "OK",
    "VIOLATIONS",
    "NO_DATA",
    "JOB_FAILED",
    "PROVISIONAL",
    "SCHEMA_CHANGED",
    "CAPTURE_OFF",
    "LABELS_MISSING",
)
FINDINGS = st.lists(
    st.builds(
        violation,
        st.sampled_from(["baseline_drift_check", "completeness_check", "missing_column_check"]),
        st.sampled_from(["hrat", "price", None]),
    ),
    max_size=2,
).map(tuple)
VERDICTS = st.lists(
    st.builds(
        verdict,
        st.integers(0, 12),
        st.sampled_from(STATUSES),
        version=st.sampled_from(["loans-v1", "loans-v2", None]),
        monitor=st.sampled_from(["data_quality", "bias"]),
        violations=FINDINGS,
    ),
    min_size=1,
    max_size=14,
)
WEIGHTS = st.sampled_from([0.0, 0.3, 1.0, 2.5])


@st.composite
def policies(draw: Any, *, retrain: bool = False) -> Endpoint:
    """An endpoint with one to three rules; with ``retrain`` the last of them retrains."""
    own = []
    for number in range(draw(st.integers(1, 3))):
        windows = draw(st.integers(1, 5))
        own.append(
            {
                "name": f"rule_{number}",
                "monitors": draw(st.sampled_from([[], ["data_quality"], ["bias"]])),
                "features": draw(st.sampled_from([[], ["hrat"]])),
                "monitor_weights": {"bias": draw(WEIGHTS)},
                "feature_weights": {"price": draw(WEIGHTS)},
                "threshold": draw(st.sampled_from([0.3, 1.0, 2.0])),
                "windows": windows,
                "violations": draw(st.integers(1, windows)),
                "action": draw(st.sampled_from(["nothing", "notify", "pause", "scale", "rollback", "retrain"])),
                "tell": draw(st.sampled_from([[], ["data_owner"]])),
            }
        )
    if retrain:
        own[-1]["action"] = "retrain"
    return endpoint(
        rules=own,
        cooldown_hours=draw(st.sampled_from([0, 3, 30])),
        quiet_hours=draw(st.sampled_from([[], ["22:00-06:00"], ["Mon"]])),
        budget={
            "retrainings_a_day": draw(st.sampled_from([None, 0, 1, 2])),
            "retrainings_a_month": draw(st.sampled_from([None, 1, 3])),
            "training_hours_a_day": draw(st.sampled_from([None, 1.0, 2.5])),
            "training_hours_a_month": draw(st.sampled_from([None, 4.0])),
        },
    )
