"""The SageMaker Python SDK's ``ModelQualityMonitor`` against the local AWS: its job really runs our analyzer."""

from __future__ import annotations

from typing import Any

import pytest
from sdk_inputs import LABELS, SCORES
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

pytestmark = pytest.mark.pocketaws


@pytest.fixture
def baseline(sdk: dict[str, Any]) -> dict[str, Any]:
    return dict(sdk["sdk_model_quality"])


def test_suggest_baseline_really_ran_a_model_quality_job(baseline: dict[str, Any]) -> None:
    assert baseline["status"] == "Completed"
    assert baseline["exit_message"] == "Completed: Job completed successfully with no violations."
    assert "sagemaker-model-monitor-analyzer" in baseline["image"]
    assert baseline["environment"]["analysis_type"] == "MODEL_QUALITY"


def test_the_statistics_the_sdk_reads_are_those_of_the_data(baseline: dict[str, Any]) -> None:
    assert baseline["statistics"]["dataset"]["item_count"] == 500
    metrics = baseline["statistics"]["binary_classification_metrics"]
    predicted = [int(score > 0.6) for score in SCORES]
    assert metrics["auc"]["value"] == pytest.approx(roc_auc_score(LABELS, SCORES), abs=1e-12)
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(LABELS, predicted), abs=1e-12)
    assert metrics["f1"]["value"] == pytest.approx(f1_score(LABELS, predicted), abs=1e-12)
    assert metrics["accuracy"]["standard_deviation"] > 0


def test_the_constraints_the_sdk_reads_hold_each_metric_at_its_value(baseline: dict[str, Any]) -> None:
    limits = baseline["constraints"]["binary_classification_constraints"]
    metrics = baseline["statistics"]["binary_classification_metrics"]
    assert len(limits) == 11
    assert {name: limit["threshold"] for name, limit in limits.items()} == {
        name: metrics[name]["value"] for name in limits
    }
