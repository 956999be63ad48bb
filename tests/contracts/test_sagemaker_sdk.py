"""The SageMaker Python SDK is a real client of the local AWS: its baselining job really runs our analyzer."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from sdk_inputs import AGES, COLOURS, INCOMES

pytestmark = pytest.mark.pocketaws


@pytest.fixture
def baseline(sdk: dict[str, Any]) -> dict[str, Any]:
    return dict(sdk["sdk_data_quality"])


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
