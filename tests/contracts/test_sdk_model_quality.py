"""The SageMaker Python SDK's ``ModelQualityMonitor`` against the local AWS: its job really runs our analyzer."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

pytestmark = [
    pytest.mark.pocketaws,
    pytest.mark.skipif(
        importlib.util.find_spec("sagemaker") is None,
        reason="the SageMaker SDK shares an environment with Airflow on Python 3.11 only (see requirements.in)",
    ),
]

CHANCE = random.Random(12)
SCORES = [round(CHANCE.random(), 4) for _ in range(500)]
LABELS = [int(CHANCE.random() < score) for score in SCORES]


@pytest.fixture(scope="module")
def baseline(pocketaws: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sdk")
    dataset = folder / "baseline.csv"
    rows = [f"{score},{label}\n" for score, label in zip(SCORES, LABELS, strict=True)]
    dataset.write_text("probability,label\n" + "".join(rows))
    client = pocketaws.client("s3")
    if "sdk-results" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket="sdk-results")
    program = Path(__file__).with_name("sdk_model_quality.py")
    result = subprocess.run(
        [sys.executable, str(program), str(dataset), "s3://sdk-results/quality"],
        env={**pocketaws.env, "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    answer: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return answer


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
