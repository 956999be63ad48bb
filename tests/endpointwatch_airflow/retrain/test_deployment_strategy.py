"""Deploying by the declared strategy: what is asked of SageMaker, and what of CloudWatch before."""

from __future__ import annotations

import pytest

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.alarm_channel import QueueHook, TopicHook
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.operators.deployment import DeployModelOperator
from sagemaker_fakes import DECLARED, CloudWatch

CANARY = {"strategy": "canary", "step": {"percent": 10}, "wait_seconds": 300}


@pytest.fixture
def cloudwatch(monkeypatch):
    fake = CloudWatch()
    monkeypatch.setattr(CloudWatchHook, "client", fake)
    return fake


@pytest.fixture
def channel(monkeypatch):
    """The ARN of the topic that alarms tell; topic and queue are there."""
    arn = "arn:aws:sns:us-east-1:123456789012:endpointwatch-loan-approval"
    monkeypatch.setattr(TopicHook, "ensure", lambda *_: arn)
    monkeypatch.setattr(TopicHook, "subscribe", lambda *_: None)
    monkeypatch.setattr(QueueHook, "ensure", lambda *_: "url")
    monkeypatch.setattr(QueueHook, "attributes", lambda *_: {"QueueArn": "arn:q"})
    monkeypatch.setattr(QueueHook, "set_attributes", lambda *_: None)
    return arn


@pytest.fixture
def deploy(sagemaker, s3, cloudwatch, context):
    """Deploy a challenger of ``loan-approval-v3`` with these settings; the UpdateEndpoint request."""
    sagemaker.serve("loan-approval", "loan-approval-v3")
    package = sagemaker._create_model_package(
        ModelPackageGroupName="loan-approval", ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/new/model.tar.gz"}]},
    )["ModelPackageArn"]  # fmt: skip

    def run(**settings):
        operator = DeployModelOperator(
            task_id="deploy",
            endpoint=Endpoint.model_validate({**DECLARED, "deployment": settings}),
            retraining={
                "run": "run-1", "request": {},
                "champion": {"model_version": "loan-approval-v3", "model_data_url": "s3://b/m", "endpoint_config": "c"},
            },
            registered={
                "model_package_arn": package, "model_package_version": 4, "model_version": "loan-approval-v4",
            },
            aws_conn_id=None,
            region_name="us-east-1",
            deferrable=False,
        )  # fmt: skip
        operator.execute(context(operator))
        return next(request for called, request in sagemaker.calls if called == "UpdateEndpoint")

    return run


def test_the_alarms_that_the_file_describes_are_there_before_the_update(deploy, cloudwatch):
    request = deploy(**CANARY)
    watched = [alarm["AlarmName"] for alarm in request["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]]
    assert watched == list(cloudwatch.alarms)
    assert len(watched) == 2
    assert request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert request["RetainAllVariantProperties"] is True


def test_without_settings_cloudwatch_is_not_asked_and_sagemaker_is_told_nothing(deploy, cloudwatch):
    assert "DeploymentConfig" not in deploy()
    assert cloudwatch.alarms == {}


def test_an_alarm_that_fires_already_stops_the_update_before_it_begins(deploy, cloudwatch, sagemaker):
    cloudwatch.put("endpointwatch-rollback/loan-approval/5xx", state="ALARM")
    with pytest.raises(EndpointError, match=r"5xx'\] are in ALARM before the update"):
        deploy(**CANARY)
    assert sagemaker.count("UpdateEndpoint") == 0


def test_an_alarm_that_is_only_named_must_exist(deploy, cloudwatch, sagemaker):
    with pytest.raises(NotRetriedError, match="made-elsewhere"):
        deploy(**CANARY, rollback_alarms={"names": ["made-elsewhere"]})
    assert sagemaker.count("UpdateEndpoint") == 0


def test_an_alarm_of_the_file_is_made_by_the_deployment_that_is_to_watch_it(deploy, cloudwatch, channel):
    request = deploy(**CANARY, rollback_alarms={"latency": None, "names": ["errors_5xx"]})
    watched = [alarm["AlarmName"] for alarm in request["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]]
    own = "endpointwatch/loan-approval/errors_5xx"
    assert watched == ["endpointwatch-rollback/loan-approval/5xx", own]
    assert cloudwatch.alarms[own]["AlarmActions"] == [channel]


def test_the_lease_is_given_back_whether_the_deployment_succeeds_or_fails(deploy, s3, sagemaker):
    lease = "s3://endpointwatch/results/loan-approval/lease/lease.json"
    deploy(**CANARY)
    assert '"holder": null' in s3.text(lease)
    sagemaker.endpoints.clear()
    sagemaker.serve("loan-approval", "loan-approval-v3")
    sagemaker.update_ends = "rolled back"
    with pytest.raises(NotRetriedError, match="the champion stays"):
        deploy(**CANARY)
    assert '"holder": null' in s3.text(lease)
