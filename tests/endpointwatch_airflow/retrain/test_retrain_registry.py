from __future__ import annotations

import pytest

from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.operators.registry import RegisterModelOperator

WON = {
    "metric": "auc", "rows": 400, "challenger": 0.81, "champion": 0.7, "gain": 0.11, "minimum_gain": 0.0,
    "promoted": True, "reason": "auc 0.8100 against the champion's 0.7000",
}  # fmt: skip


@pytest.fixture
def register(sagemaker, endpoint, context):
    def run(*, training_job="job-1", comparison=WON):
        operator = RegisterModelOperator(
            task_id="register",
            endpoint=endpoint,
            retraining={"run": "run-1", "request": {"decision": "s3://b/decisions/1.json"}, "champion": None},
            trained={"training_job": training_job, "model_data_url": "s3://b/m/model.tar.gz"},
            evaluated={"evaluation_uri": "s3://b/e/evaluation.json", "baseline_dataset_uri": "s3://b/e/baseline.csv"},
            comparison=comparison,
            aws_conn_id=None,
            region_name="us-east-1",
        )
        return operator.execute(context(operator))

    return run


def test_a_promoted_model_becomes_an_approved_package_with_its_origin_and_figures(register, sagemaker):
    result = register()
    package = sagemaker.packages[result["model_package_arn"]]
    assert package["ModelApprovalStatus"] == "Approved"
    assert "0.8100" in package["ApprovalDescription"]
    assert package["CustomerMetadataProperties"] == {
        "training_job": "job-1",
        "baseline_dataset_uri": "s3://b/e/baseline.csv",
        "decision": "s3://b/decisions/1.json",
        "dag_run": "loan-approval__retrain/manual__2026-11-22T06:00:00+00:00",
    }
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://b/e/evaluation.json"
    assert result["model_version"] == "loan-approval-v1"


def test_a_retry_finds_its_package_and_another_training_job_makes_another(register, sagemaker):
    assert register() == register()
    assert len(sagemaker.packages) == 1
    assert register(training_job="job-2")["model_version"] == "loan-approval-v2"
    assert register()["model_version"] == "loan-approval-v1"
    assert sagemaker.count("CreateModelPackageGroup") == 1


def test_a_try_that_died_between_registering_and_approving_is_taken_up(register, sagemaker):
    arn = register()["model_package_arn"]
    sagemaker.packages[arn]["ModelApprovalStatus"] = "PendingManualApproval"
    assert register()["model_package_arn"] == arn
    assert sagemaker.packages[arn]["ModelApprovalStatus"] == "Approved"


def test_what_a_person_rejected_is_not_approved_over_their_head(register, sagemaker):
    arn = register()["model_package_arn"]
    sagemaker.packages[arn]["ModelApprovalStatus"] = "Rejected"
    with pytest.raises(NotRetriedError, match="rejected"):
        register()
    assert sagemaker.packages[arn]["ModelApprovalStatus"] == "Rejected"


def test_a_challenger_that_lost_is_never_registered(register, sagemaker):
    with pytest.raises(NotRetriedError, match="not won"):
        register(comparison={**WON, "promoted": False})
    assert sagemaker.packages == {}
