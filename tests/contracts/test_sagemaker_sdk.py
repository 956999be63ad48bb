"""The SageMaker Python SDK is a real client of the local AWS: its baselining job really runs our analyzer."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.pocketaws,
    pytest.mark.skipif(
        importlib.util.find_spec("sagemaker") is None,
        reason="the SageMaker SDK shares an environment with Airflow on Python 3.11 only (see requirements.in)",
    ),
]

AGES = [23 + (7 * row) % 41 for row in range(300)]
INCOMES = [1000 + 13.5 * row for row in range(300)]
COLOURS = [("red", "green", "blue")[row % 3] if row % 50 else "" for row in range(300)]


@pytest.fixture(scope="module")
def baseline(pocketaws: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sdk")
    dataset = folder / "baseline.csv"
    rows = [f"{age},{income},{colour}" for age, income, colour in zip(AGES, INCOMES, COLOURS, strict=True)]
    dataset.write_text("age,income,colour\n" + "\n".join(rows) + "\n")
    pocketaws.client("s3").create_bucket(Bucket="sdk-results")
    result = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("sdk_suggest_baseline.py")),
            str(dataset),
            "s3://sdk-results/out",
        ],
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


def test_suggest_baseline_really_ran_a_job_with_awss_own_image_name(baseline: dict[str, Any], pocketaws: Any) -> None:
    assert baseline["status"] == "Completed"
    assert baseline["exit_message"] == "Completed: Job completed successfully with no violations."
    assert "sagemaker-model-monitor-analyzer" in baseline["image"]
    summaries = pocketaws.client("sagemaker").list_processing_jobs(NameContains=baseline["job"])[
        "ProcessingJobSummaries"
    ]
    assert [job["ProcessingJobName"] for job in summaries] == [baseline["job"]]


def test_the_statistics_the_sdk_reads_are_those_of_the_data(baseline: dict[str, Any]) -> None:
    features = {feature["name"]: feature for feature in baseline["statistics"]["features"]}
    assert list(features) == ["age", "income", "colour"]
    assert baseline["statistics"]["dataset"]["item_count"] == 300
    age = features["age"]["numerical_statistics"]
    assert features["age"]["inferred_type"] == "Integral"
    assert age["mean"] == pytest.approx(statistics.fmean(AGES))
    assert age["std_dev"] == pytest.approx(statistics.pstdev(AGES))
    assert (age["min"], age["max"]) == (min(AGES), max(AGES))
    assert features["income"]["inferred_type"] == "Fractional"
    assert features["income"]["numerical_statistics"]["sum"] == pytest.approx(sum(INCOMES))
    assert features["colour"]["string_statistics"]["common"]["num_missing"] == COLOURS.count("")


def test_the_constraints_the_sdk_reads_are_suggested_from_the_data(baseline: dict[str, Any]) -> None:
    features = {feature["name"]: feature for feature in baseline["constraints"]["features"]}
    assert features["age"]["num_constraints"] == {"is_non_negative": True}
    assert features["colour"]["completeness"] == pytest.approx(1 - COLOURS.count("") / 300)
    assert baseline["constraints"]["monitoring_config"]["distribution_constraints"]["comparison_method"] == "Robust"
