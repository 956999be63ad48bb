from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.operators.deployment import DeployModelOperator
from endpointwatch_airflow.pipelines.assets import deployed
from endpointwatch_airflow.triggers.deployment import DeploymentTrigger

NAME = "loan-approval"


@pytest.fixture
def package(sagemaker):
    return sagemaker._create_model_package(
        ModelPackageGroupName="loan-approval",
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/new/model.tar.gz"}]},
    )["ModelPackageArn"]


def run_here(sagemaker, operator, about):
    return operator.execute(about)


def run_deferred(sagemaker, operator, about):
    operator.deferrable = True
    try:
        return operator.execute(about)
    except TaskDeferred as deferred:
        # The trigger goes over the wire to the triggerer and comes back as an event.
        path, arguments = deferred.trigger.serialize()
        assert path == "endpointwatch_airflow.triggers.deployment.DeploymentTrigger"
        sagemaker.settle(arguments["endpoint_name"])
        event = {"status": "success", "config_name": DeploymentTrigger(**arguments).return_value}
        return getattr(operator, deferred.method_name)(about, event)


@pytest.fixture(params=[run_here, run_deferred])
def deploy(request, sagemaker, s3, endpoint, context, package):
    """One promise, kept both ways of waiting."""

    def run(*, champion=None, about=None, tries=1):
        for _ in range(tries):
            operator = DeployModelOperator(
                task_id="deploy",
                endpoint=endpoint,
                retraining={
                    "run": "run-1",
                    "request": {},
                    "champion": champion
                    and {"model_version": champion, "model_data_url": "s3://b/m", "endpoint_config": "c"},
                },
                registered={
                    "model_package_arn": package, "model_package_version": 4, "model_version": "loan-approval-v4",
                },
                aws_conn_id=None,
                region_name="us-east-1",
                outlets=[deployed(NAME)],
                deferrable=False,
            )  # fmt: skip
            result = request.param(sagemaker, operator, about if about is not None else context(operator))
        return result

    return run


def serving(sagemaker):
    config = sagemaker.configs[sagemaker.endpoints[NAME]["EndpointConfigName"]]
    return config["ProductionVariants"][0]["ModelName"]


def test_a_first_version_makes_the_endpoint_with_capture_as_declared(deploy, sagemaker, package):
    result = deploy()
    assert serving(sagemaker) == "loan-approval-v4"
    assert sagemaker.models["loan-approval-v4"]["PrimaryContainer"] == {"ModelPackageName": package}
    config = sagemaker.configs[result["endpoint_config"]]
    assert config["DataCaptureConfig"]["DestinationS3Uri"] == "s3://endpointwatch/capture"


def test_a_challenger_takes_the_champions_place_and_keeps_its_machines(deploy, sagemaker):
    sagemaker.serve(NAME, "loan-approval-v3")
    deploy(champion="loan-approval-v3")
    config = sagemaker.configs[sagemaker.endpoints[NAME]["EndpointConfigName"]]
    assert config["ProductionVariants"] == [
        {"VariantName": "AllTraffic", "ModelName": "loan-approval-v4", "InstanceType": "ml.c5.xlarge",
         "InitialInstanceCount": 2}
    ]  # fmt: skip
    update = next(request for operation, request in sagemaker.calls if operation == "UpdateEndpoint")
    assert update["RetainAllVariantProperties"] is True
    assert update["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DataCaptureConfig"}]


@pytest.mark.parametrize("champion", [None, "loan-approval-v3"])
def test_deploying_again_finds_everything_done(deploy, sagemaker, champion):
    if champion:
        sagemaker.serve(NAME, champion)
    deploy(champion=champion, tries=3)
    assert sagemaker.count("CreateEndpoint") + sagemaker.count("UpdateEndpoint") == 1


def test_deploying_again_is_done_also_when_sagemaker_describes_more_than_was_sent(deploy, sagemaker):
    name = deploy()["endpoint_config"]
    # Defaults that a later release of the API fills in change what is described, not what serves.
    sagemaker.configs[name]["ProductionVariants"][0]["ContainerStartupHealthCheckTimeoutInSeconds"] = 600
    assert deploy()["endpoint_config"] == name
    assert sagemaker.count("UpdateEndpoint") == 0


def test_a_retry_during_the_update_waits_for_it_instead_of_asking_again(deploy, sagemaker, monkeypatch):
    sagemaker.serve(NAME, "loan-approval-v3")
    with monkeypatch.context() as killed:
        # The first try dies right after its call.
        def die(*_, **__):
            raise KeyboardInterrupt

        killed.setattr(DeployModelOperator, "_ended", die)
        with pytest.raises(KeyboardInterrupt):
            deploy(champion="loan-approval-v3")
    sagemaker.endpoints[NAME].update(
        EndpointStatus="Updating",
        PendingDeploymentSummary={"EndpointConfigName": sagemaker.endpoints[NAME]["EndpointConfigName"]},
        EndpointConfigName=f"{NAME}-config-of-loan-approval-v3",
    )
    deploy(champion="loan-approval-v3")
    assert sagemaker.count("UpdateEndpoint") == 1
    assert serving(sagemaker) == "loan-approval-v4"


def test_an_update_that_sagemaker_rolled_back_fails_at_once_and_the_champion_stays(deploy, sagemaker):
    sagemaker.serve(NAME, "loan-approval-v3")
    sagemaker.update_ends = "rolled back"
    with pytest.raises(NotRetriedError, match="the champion stays"):
        deploy(champion="loan-approval-v3")
    assert serving(sagemaker) == "loan-approval-v3"


def test_a_first_endpoint_that_fails_is_an_error_with_the_way_out(deploy, sagemaker):
    sagemaker.update_ends = "Failed"
    with pytest.raises(NotRetriedError, match="must be deleted"):
        deploy()


def test_a_model_deployed_by_somebody_else_meanwhile_is_not_replaced(deploy, sagemaker):
    sagemaker.serve(NAME, "a-hotfix")
    with pytest.raises(NotRetriedError, match="a-hotfix"):
        deploy(champion="loan-approval-v3")
    assert serving(sagemaker) == "a-hotfix"
    assert sagemaker.count("UpdateEndpoint") == 0


def test_an_endpoint_that_appeared_meanwhile_is_not_replaced_by_a_first_version(deploy, sagemaker):
    sagemaker.serve(NAME, "a-hotfix")
    with pytest.raises(NotRetriedError, match="no champion"):
        deploy(champion=None)


def test_somebody_elses_update_is_waited_for_by_a_retry_not_interrupted(deploy, sagemaker):
    sagemaker.serve(NAME, "loan-approval-v3")
    elsewhere = {**sagemaker.configs[f"{NAME}-config-of-loan-approval-v3"], "EndpointConfigName": "somebody-elses"}
    sagemaker.configs["somebody-elses"] = elsewhere
    sagemaker.endpoints[NAME].update(
        EndpointStatus="Updating", PendingDeploymentSummary={"EndpointConfigName": "somebody-elses"}
    )
    with pytest.raises(EndpointError, match="Updating"):
        deploy(champion="loan-approval-v3")
    assert sagemaker.count("UpdateEndpoint") == 0


@pytest.mark.parametrize("approval", ["PendingManualApproval", "Rejected"])
def test_only_approved_packages_are_deployed(deploy, sagemaker, package, approval):
    sagemaker.packages[package]["ModelApprovalStatus"] = approval
    with pytest.raises(NotRetriedError, match=approval):
        deploy()
    assert sagemaker.models == {}


def test_a_model_of_the_same_name_from_another_package_is_not_taken_for_ours(deploy, sagemaker):
    sagemaker.models["loan-approval-v4"] = {"PrimaryContainer": {"ModelPackageName": "another"}}
    with pytest.raises(NotRetriedError, match="another"):
        deploy()


def test_a_deployment_without_capture_is_an_error_that_a_retry_looks_at_again(deploy, sagemaker):
    sagemaker.capture_status = "Stopped"
    with pytest.raises(EndpointError, match="capture has not started"):
        deploy()
    sagemaker.endpoints[NAME]["DataCaptureConfig"]["CaptureStatus"] = "Started"
    assert deploy()["model_version"] == "loan-approval-v4"


def test_the_asset_event_says_what_was_deployed(deploy, endpoint, context):
    about = context(DeployModelOperator(task_id="x", endpoint=endpoint, retraining={}, registered={}))
    result = deploy(about=about)
    assert about["outlet_events"][deployed(NAME)].extra == result
    assert result["model_version"] == "loan-approval-v4"


def test_ending_the_deferred_task_leaves_the_update_alone_and_says_so(sagemaker, monkeypatch):
    said = []
    trigger = DeploymentTrigger(endpoint_name=NAME, config_name="new-config", aws_conn_id=None)
    monkeypatch.setattr(type(trigger), "log", SimpleNamespace(warning=lambda text, *values: said.append(text % values)))
    asyncio.run(trigger.on_kill())
    assert len(said) == 1
    assert "to new-config goes on in SageMaker" in said[0]
    assert sagemaker.calls == []
