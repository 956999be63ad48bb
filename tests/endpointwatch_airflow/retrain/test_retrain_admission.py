from __future__ import annotations

import json

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from endpointwatch.actions.admission import Retraining
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.operators.admission import AdmitRetrainingOperator

HOUR = {"start": "2026-11-02T03:00:00Z", "end": "2026-11-02T04:00:00Z"}


@pytest.fixture
def admit(sagemaker, s3, endpoint, context):
    def run(request=None, **about):
        operator = AdmitRetrainingOperator(
            task_id="admit", endpoint=endpoint, request=request or {}, aws_conn_id=None, region_name="us-east-1"
        )
        return operator.execute(context(operator, **about))

    return run


def test_an_endpoint_that_does_not_exist_gets_its_first_version(admit):
    admitted = Retraining.model_validate(admit())
    assert admitted.champion is None
    assert admitted.word == "first"


def test_the_champion_is_the_model_that_really_serves_with_its_packages_artifact(admit, sagemaker):
    config = sagemaker.serve("loan-approval", "loan-approval-v3")
    champion = Retraining.model_validate(admit({"windows": [HOUR]})).champion
    assert champion is not None
    assert champion.model_version == "loan-approval-v3"
    assert champion.model_data_url == "s3://b/loan-approval-v3/model.tar.gz"
    assert champion.endpoint_config == config
    assert champion.model_package_arn in sagemaker.packages


def test_a_model_that_was_not_made_from_the_registry_is_a_champion_too(admit, sagemaker):
    sagemaker.serve("loan-approval", "by-hand")
    sagemaker.models["by-hand"] = {"PrimaryContainer": {"Image": "i", "ModelDataUrl": "s3://b/hand.tar.gz"}}
    champion = Retraining.model_validate(admit({"windows": [HOUR]})).champion
    assert champion is not None
    assert (champion.model_data_url, champion.model_package_arn) == ("s3://b/hand.tar.gz", None)


def test_a_model_without_an_artifact_cannot_be_compared_with(admit, sagemaker):
    sagemaker.serve("loan-approval", "bare")
    sagemaker.models["bare"] = {"PrimaryContainer": {"Image": "i"}}
    with pytest.raises(EndpointError, match=r"no model\.tar\.gz"):
        admit({"windows": [HOUR]})


def test_drift_of_a_version_that_serves_no_more_skips_the_run_and_says_which_serves(admit, sagemaker):
    sagemaker.serve("loan-approval", "loan-approval-v2")
    with pytest.raises(AirflowSkipException, match="loan-approval-v2"):
        admit({"windows": [HOUR], "model_version": "loan-approval-v1"})


def test_an_endpoint_in_the_middle_of_an_update_has_no_champion_yet(admit, sagemaker):
    sagemaker.serve("loan-approval", "loan-approval-v2")
    sagemaker.endpoints["loan-approval"]["EndpointStatus"] = "Updating"
    with pytest.raises(EndpointError, match="Updating"):
        admit({"windows": [HOUR]})


def test_a_challenger_without_windows_fails_at_once(admit, sagemaker):
    sagemaker.serve("loan-approval", "loan-approval-v2")
    with pytest.raises(NotRetriedError, match="needs `windows`"):
        admit()


@pytest.mark.parametrize("form", ["no json", '{"windows": [{"start": "2026-11-02T03:00:00"}]}', '{"windws": []}'])
def test_a_form_that_cannot_be_followed_fails_at_once_and_says_what_it_takes(admit, form):
    with pytest.raises(NotRetriedError, match="It takes windows"):
        admit(form)


def test_the_form_as_airflow_renders_it_empty_is_the_first_version(admit):
    form = json.dumps({"windows": [], "decision": None, "model_version": None, "reason": None})
    assert Retraining.model_validate(admit(form)).champion is None


def test_uris_too_long_for_the_registry_are_said_before_anything_is_trained(sagemaker, endpoint, context):
    longer = endpoint.training.model_copy(update={"artifacts_uri": f"s3://bucket/{'x' * 150}"})
    operator = AdmitRetrainingOperator(
        task_id="admit", endpoint=endpoint.model_copy(update={"training": longer}), request={}, aws_conn_id=None,
        region_name="us-east-1",
    )  # fmt: skip
    with pytest.raises(NotRetriedError, match=r"Shorten `training\.artifacts_uri`"):
        operator.execute(context(operator))


def test_a_retry_works_in_the_same_folder_and_a_cleared_task_in_another(admit):
    assert admit()["run"] == admit()["run"]
    assert admit()["run"] != admit(tries_used_up=1)["run"]
    assert admit()["run"] != admit(run_id="manual__2026-11-23T06:00:00+00:00")["run"]
