"""The SageMaker SDK's bias monitor is a real client: what it writes we read, what we write it reads."""

from __future__ import annotations

from typing import Any

import pytest
from sdk_inputs import PEOPLE

from endpointwatch.jobs.clarify.config import AnalysisConfig, BiasMethod, FacetConfig

pytestmark = pytest.mark.pocketaws


@pytest.fixture
def answer(sdk: dict[str, Any]) -> dict[str, Any]:
    return dict(sdk["sdk_model_bias"])


def test_the_configuration_of_a_schedule_is_read_as_it_was_meant(answer: dict[str, Any]) -> None:
    config = AnalysisConfig.model_validate(answer["configurations"]["schedule"])
    assert config.facet == (
        FacetConfig(name_or_index="gender", value_or_threshold=("f",)),
        FacetConfig(name_or_index="age", value_or_threshold=(40,)),
    )
    assert (config.label, config.label_values_or_threshold, config.group_variable) == ("approved", (1,), "occupation")
    assert config.headers == ("approved", "predicted", "gender", "age", "occupation")
    assert config.methods.asked == ()


def test_the_configurations_of_jobs_are_read_as_they_were_meant(answer: dict[str, Any]) -> None:
    every, beside = (
        AnalysisConfig.model_validate(answer["configurations"][name]) for name in ("every value", "beside")
    )
    assert (every.format, every.features, every.label) == ("jsonlines", "features", "label")
    assert every.facet == (FacetConfig(name_or_index=2, value_or_threshold=None),)
    assert every.methods.pre_training_bias == BiasMethod(methods=("CI", "DPL"))
    assert every.methods.post_training_bias is None
    assert (beside.joinsource_name_or_index, beside.excluded_columns) == (1, ("occupation",))
    assert (beside.facet_dataset_uri, beside.facet_headers) == ("s3://b/facets.csv", ("age", "gender"))
    assert (beside.predicted_label_dataset_uri, beside.predicted_label) == ("s3://b/answers.csv", "score")
    assert beside.probability_threshold == 0.8
    for config in (every, beside):
        assert config.unsupported == ()
        assert config.model_extra == {}


def test_model_bias_monitor_learns_a_baseline_and_its_own_classes_read_it(answer: dict[str, Any]) -> None:
    baseline = answer["baseline"]
    assert "sagemaker-clarify-processing" in baseline["image"]
    assert baseline["status"] == "Completed"
    assert baseline["exit_message"] == "Completed: SageMaker XAI Analyzer ran successfully"
    (women,) = baseline["constraints"]["post_training_bias_metrics"]["facets"]["gender"]
    values = {metric["name"]: metric["value"] for metric in women["metrics"]}
    accepted = {who: [said for _, said, gender, _, _ in PEOPLE if gender == who] for who in "fm"}
    share = {who: sum(said) / len(said) for who, said in accepted.items()}
    assert values["DPPL"] == pytest.approx(share["m"] - share["f"])
    assert len(values) == 13
    assert AnalysisConfig.model_validate(baseline["config"]).facet[0].name_or_index == "gender"
