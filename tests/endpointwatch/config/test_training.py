from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from endpointwatch.actions.treatment import COMPUTED
from endpointwatch.config.approval import Approval
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import BadStatus, Fairness, MetricDefinition, Training
from endpointwatch.config.tuning import Tuning
from endpointwatch.reports.verdict import Status

LEAST = {
    "image_uri": "i", "initial_dataset_uri": "s3://bucket/i", "artifacts_uri": "s3://bucket/a", "features": ["x"],
    "label": "y", "model_package_group": "g",
}  # fmt: skip
RANGE = {"C": {"kind": "continuous", "minimum": 0.1, "maximum": 1}}


def test_every_status_that_can_exclude_a_window_is_one_that_a_verdict_has():
    assert set(get_args(BadStatus)) < set(get_args(Status))


def test_a_limit_can_be_set_for_every_bias_metric_that_is_computed():
    assert set(get_args(Fairness)) == set(COMPUTED)


def test_a_file_of_before_means_what_it_meant():
    training = Training.model_validate({**LEAST, "minimum_gain": 0.02})
    assert (training.minimum_gain, training.recipe.recent_share, training.tuning) == (0.02, 1.0, None)
    assert Approval().by == "policy"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"tuning": {"ranges": RANGE}, "hyperparameters": {"C": "1"}}, "hyperparameters` as well"),
        (
            {"tuning": {"ranges": RANGE}, "metric_definitions": [{"name": "loss", "regex": "loss=(.*)"}]},
            "none of `metric_definitions` reads",
        ),
        ({"tuning": {"ranges": RANGE, "strategy": "Grid"}}, "no categorical ranges"),
        ({"tuning": {"ranges": {"C": {"kind": "integer", "minimum": 3, "maximum": 2}}}}, "above maximum"),
        ({"tuning": {"ranges": {"C": {**RANGE["C"], "minimum": 0, "scaling": "Logarithmic"}}}}, "not above 0"),
        ({"promotion": {"bias": {"FT": 0.1}}}, "promotion.bias"),
        ({"promotion": {"bias": {"AD": -0.1}}}, "not below 0"),
        ({"promotion": {"confidence": 1.0}}, "less than 1"),
        ({"recipe": {"recent_share": 0}}, "greater than 0"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(more, text):
    with pytest.raises(ValidationError, match=text):
        Training.model_validate({**LEAST, **more})


@pytest.mark.parametrize(("regex", "text"), [("auc=[0-9.]+", "no group"), ("auc=(", "no regular expression")])
def test_a_metric_needs_a_regular_expression_with_a_group(regex, text):
    with pytest.raises(ValidationError, match=text):
        MetricDefinition(name="auc", regex=regex)


def test_a_search_goes_by_the_metric_that_decides_unless_told_otherwise():
    assert Training.model_validate({**LEAST, "metric": "f1", "tuning": {"ranges": RANGE}}).objective == "validation:f1"
    told = Training.model_validate({**LEAST, "tuning": Tuning(ranges=RANGE, objective="train:auc").model_dump()})
    assert told.objective == "train:auc"


def test_approvers_are_persons():
    with pytest.raises(ValidationError, match="by: person"):
        Approval(approvers=("ada",))


def test_limits_on_bias_need_the_monitor_that_says_whose_treatment_is_meant():
    declared = {
        "name": "loans", "aws": {"role_arn": "arn:aws:iam::123456789012:role/E"}, "results_uri": "s3://bucket/r",
        "capture": {"destination_uri": "s3://bucket/c"}, "schedule": {"start_date": "2026-11-01"},
        "job": {"image_uri": "i"}, "monitors": [{"kind": "data_quality"}],
        "training": {**LEAST, "ground_truth_uri": "s3://bucket/t", "promotion": {"bias": {"AD": 0.1}}},
    }  # fmt: skip
    with pytest.raises(ValidationError, match="no `bias` monitor"):
        Endpoint.model_validate(declared)
    Endpoint.model_validate({**declared, "monitors": [{"kind": "bias", "sensitive_features": ["sex"]}]})
