"""One message of every kind, from verdicts as monitors write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch.decisions import Decision, decide
from endpointwatch.monitors.findings import Distance, Metric, Violation
from endpointwatch.reports.message import (
    Alarm,
    Columns,
    Failure,
    Link,
    Message,
    alarm_message,
    decision_message,
    failure_message,
)
from endpointwatch.reports.verdict import Status, Verdict, no_answer

FIRST = Window.of(datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 11, tzinfo=UTC))
TRAINING = {
    "image_uri": "i", "initial_dataset_uri": "s3://bucket/initial.csv", "artifacts_uri": "s3://bucket/artifacts",
    "ground_truth_uri": "s3://bucket/truth", "features": ["a"], "label": "y", "model_package_group": "loans",
}  # fmt: skip
LINKS = (
    Link(title="DAG run", uri="https://airflow.example.com/dags/loans__monitor/runs/scheduled__12"),
    Link(title="Report of data_quality", uri="s3://bucket/results/loans/data_quality/2026/03/01/12/"),
)


def endpoint(**notifications: Any) -> Endpoint:
    """An endpoint that is retrained after two of three windows with violations."""
    return Endpoint.model_validate(
        {
            "name": "loans",
            "owner": "credit",
            "aws": {"conn_id": None, "role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
            "results_uri": "s3://bucket/results",
            "capture": {"destination_uri": "s3://bucket/capture"},
            "schedule": {"start_date": "2026-03-01"},
            "job": {"image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/analyzer:1"},
            "monitors": [{"kind": "data_quality"}],
            "decision": {"violations": 2, "windows": 3, "action": "retrain"},
            "training": TRAINING,
            "notifications": {"data_owner": "data-platform", **notifications},
        }
    )


def violation(check: str, about: str = "income") -> Violation:
    kind = (
        "metric_name" if "Threshold" in check or check.startswith(("bias", "feature_attribution")) else "feature_name"
    )
    return Violation.model_validate({kind: about, "constraint_check_type": check, "description": f"{check} of {about}"})


def verdict(monitor: str, step: int = 0, *checks: str, **changes: Any) -> Verdict:
    """A verdict with one violation for each check; ``OK`` without any."""
    status: Status = "VIOLATIONS" if checks else "OK"
    told = {"endpoint": "loans", "monitor": monitor, "window": FIRST.shifted(step), "status": status,
            "model_version": "v1", "violations": tuple(violation(check) for check in checks),
            "evidence": f"{len(checks)} violations over 250 rows." if checks else ""}  # fmt: skip
    return Verdict.model_validate({**told, **changes})


def unanswered(status: Status, monitor: str = "data_quality", step: int = 0) -> Verdict:
    return no_answer(
        status, endpoint="loans", monitor=monitor, window=FIRST.shifted(step), evidence="Seen so.", model_version="v1"
    )


def drift(name: str, distance: float, *, exceeded: bool = True) -> Distance:
    return Distance(
        feature_name=name, method="linf_robust", distance=distance, threshold=0.1, exceeded=exceeded, simple=distance
    )


def decided(verdicts: list[Verdict], **changes: Any) -> tuple[Decision, Message]:
    where = endpoint(**changes.pop("notifications", {}))
    decision = decide(verdicts, where.rules)
    return decision, decision_message(where, decision, verdicts, **changes)


def covariate_drift() -> Message:
    """Two features drifted in two windows; the AUC fell in the second."""
    first = verdict("data_quality", 0, "baseline_drift_check", distances=(drift("income", 0.3),))
    second = verdict(
        "data_quality", 2, "baseline_drift_check", "baseline_drift_check", "completeness_check",
        distances=(drift("income", 0.4), drift("purpose", 0.6), drift("age", 0.01, exceeded=False)),
    )  # fmt: skip
    quality = verdict(
        "model_quality", 2, "LessThanThreshold",
        metrics=(
            Metric(name="auc", value=0.4817, threshold=0.6, exceeded=True),
            Metric(name="accuracy", value=0.9, threshold=0.8),
        ),
    )  # fmt: skip
    return decided([first, verdict("data_quality", 1), second, quality], columns=columns(), links=LINKS)[1]


def columns() -> Columns:
    """The mean income went from 3,500 to 41,000; two in five loans are for a car now."""

    def document(mean: float, car: int, house: int) -> dict[str, Any]:
        buckets = [{"value": "car", "count": car}, {"value": "house", "count": house}]
        return {
            "features": [
                {"name": "income", "inferred_type": "Integral", "numerical_statistics": {"mean": mean}},
                {
                    "name": "purpose",
                    "inferred_type": "String",
                    "string_statistics": {"distribution": {"categorical": {"buckets": buckets}}},
                },
            ]
        }

    return Columns(now=document(41000.0, 40, 60), then=document(3500.0, 10, 990))


def schema_break() -> Message:
    """Text that would be markup anywhere: columns come from whoever calls the endpoint."""
    hostile = "<script>alert(1)</script> & *{{ var.value.secret }}* <!channel>"
    broken = verdict(
        "data_quality", 0, "extra_column_check", status="SCHEMA_CHANGED", evidence=f"27 columns, as {hostile}."
    )  # fmt: skip
    return decided([broken], links=LINKS)[1]


def failed_task() -> Message:
    told = Failure(
        dag="loans__monitor", run="scheduled__2026-03-01T12:00:00+00:00", task="run_monitors", attempt=3,
        error="JobError: ProcessingJob loans-1 ended Failed: no space left.",
        since=datetime(2026, 3, 1, 12, 5, tzinfo=UTC), about="[2026-03-01 11:00, 2026-03-01 12:00) UTC",
    )  # fmt: skip
    return failure_message(endpoint(), told, links=LINKS[:1])


ALARM = Alarm(
    entry="model_latency", name="endpointwatch-loans-model_latency", state="ALARM",
    since=datetime(2026, 3, 1, 12, 7, tzinfo=UTC), reason="Threshold Crossed: 3 datapoints.",
    metric="ModelLatency p95 (s)", value=7.25, limit=5.0,
)  # fmt: skip


def alarm() -> Message:
    return alarm_message(endpoint(runbook_uri="https://wiki.example.com/runbook"), ALARM, links=LINKS[:1])


KINDS = {
    "covariate_drift": covariate_drift, "schema_break": schema_break, "failed_task": failed_task, "alarm": alarm,
}  # fmt: skip
