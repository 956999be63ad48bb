"""A verdict's metrics: what alarms can watch."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from endpointwatch.config.window import Window
from endpointwatch.monitors.findings import Distance, Metric
from endpointwatch.reports.verdict import Verdict
from endpointwatch.reports.verdict_metrics import lines

WINDOW = Window.of(datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
DIMENSIONS = {"Endpoint": "loans", "MonitoringSchedule": "loans-model_quality"}
DRIFT = Distance(feature_name="age", method="linf_robust", distance=0.4, threshold=0.1, exceeded=True)


def values(*, whole: bool = True, **changes: Any) -> dict[str, float]:
    told = {"endpoint": "loans", "monitor": "model_quality", "window": WINDOW, "status": "OK", **changes}
    verdict = Verdict.model_validate(told)
    found = [json.loads(line) for line in lines(verdict, dimensions=DIMENSIONS, whole=whole)]
    assert all(item["Timestamp"] == "2026-03-01T14:00:00Z" for item in found)
    assert all({d["Name"]: d["Value"] for d in item["Dimensions"]} == DIMENSIONS for item in found)
    return {item["MetricName"]: item["Value"] for item in found}


def test_distances_and_metrics_of_the_whole_window_are_there_under_the_monitors_own_names():
    metrics = (
        Metric(name="auc", value=0.7), Metric(name="f1", value=None), Metric(name="AD", value=0.2, facet="sex"),
        Metric(name="ndcg", value=0.9, label="0"), Metric(name="odd", value=float("inf")),
    )  # fmt: skip
    found = values(distances=(DRIFT,), metrics=metrics, label_coverage=0.5)
    assert found == {"violations": 0, "label_coverage": 0.5, "feature_baseline_drift_age": 0.4, "auc": 0.7}


def test_where_the_job_has_sent_its_own_file_only_what_that_does_not_have_is_added():
    assert values(whole=False, distances=(DRIFT,)) == {"violations": 0}


@pytest.mark.parametrize("status", ["NO_DATA", "JOB_FAILED", "CAPTURE_OFF", "NO_BASELINE", "TOO_FEW_ROWS"])
def test_no_answer_is_no_metric_as_a_zero_would_look_like_health(status):
    assert values(status=status, distances=(DRIFT,)) == {}
