"""Bringing an earlier version back: what is chosen, what SageMaker is asked, what is written down."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from endpointwatch.config.layout import Layout
from endpointwatch.reports.deployment import Deployment, previous
from endpointwatch_airflow.deployments import place, recorded
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.operators.deployment_record import RecordDeploymentOperator
from endpointwatch_airflow.operators.version import PLAN, ChooseVersionOperator, ServeVersionOperator
from endpointwatch_airflow.pipelines.assets import deployed
from sagemaker_fakes import START

NAME = "loan-approval"
AWS = {"aws_conn_id": None, "region_name": "us-east-1", "deferrable": False}


@pytest.fixture
def versions(sagemaker, s3, endpoint):
    """Three versions were deployed one after another, as the YAML declares; v3 serves."""
    layout = Layout.of(endpoint)
    for number in (1, 2, 3):
        model = f"{NAME}-v{number}"
        sagemaker.endpoints.clear()
        config = sagemaker.serve(NAME, model)
        sagemaker.configs[config]["DataCaptureConfig"] = {
            "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://endpointwatch/capture",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
        }  # fmt: skip
        record = Deployment(
            endpoint=NAME, model_version=model, in_service_from=START + timedelta(hours=number), endpoint_config=config,
            model_package_arn=sagemaker.models[model]["PrimaryContainer"]["ModelPackageName"],
        )  # fmt: skip
        s3.put(place(layout, record), record.to_json())
    return sagemaker


@pytest.fixture
def choose(endpoint, context):
    def run(how="rollback", **form):
        operator = ChooseVersionOperator(task_id="choose_version", endpoint=endpoint, how=how, request=form, **AWS)
        about = context(operator)
        try:
            return operator.execute(about)
        finally:
            run.pushed = about["pushed"]

    return run


def run_here(sagemaker, operator, about):
    return operator.execute(about)


def run_deferred(sagemaker, operator, about):
    operator.deferrable = True
    go = operator.execute
    while True:
        try:
            return go(about)
        except TaskDeferred as deferred:
            _, arguments = deferred.trigger.serialize()
            sagemaker.settle(arguments["endpoint_name"])
            go = partial(getattr(operator, deferred.method_name), event=arguments)


@pytest.fixture(params=[run_here, run_deferred])
def serve(request, versions, endpoint, context):
    def run(change):
        operator = ServeVersionOperator(task_id="serve_version", endpoint=endpoint, wanted_change=change, **AWS)
        return request.param(versions, operator, context(operator))

    return run


def serving(sagemaker):
    return sagemaker.configs[sagemaker.endpoints[NAME]["EndpointConfigName"]]["ProductionVariants"][0]["ModelName"]


def update_of(sagemaker):
    return next(request for called, request in sagemaker.calls if called == "UpdateEndpoint")


def test_a_rollback_takes_the_configuration_by_which_the_version_before_served(versions, choose, serve):
    result = serve(choose())
    assert serving(versions) == "loan-approval-v2"
    assert result["endpoint_config"] == f"{NAME}-config-of-{NAME}-v2"
    assert versions.count("CreateEndpointConfig") == 0


def test_a_rollback_goes_at_once_without_alarms_and_a_redeployment_by_the_declared_strategy(
    versions, endpoint, choose, context
):
    canary = endpoint.model_copy(update={"deployment": endpoint.deployment.model_copy(update={"strategy": "canary"})})
    operator = ServeVersionOperator(task_id="serve_version", endpoint=canary, wanted_change=choose(), **AWS)
    operator.execute(context(operator))
    assert "DeploymentConfig" not in update_of(versions)
    assert update_of(versions)["RetainAllVariantProperties"] is True


def test_a_retry_of_the_rollback_goes_no_further_back(versions, choose, serve):
    change = choose()
    serve(change)
    serve(change)
    assert serving(versions) == "loan-approval-v2"
    assert versions.count("UpdateEndpoint") == 1


def test_a_rollback_that_was_triggered_twice_is_one(versions, choose, serve):
    serve(choose(instead_of="loan-approval-v3"))
    with pytest.raises(AirflowSkipException, match="done already"):
        choose(instead_of="loan-approval-v3")
    assert serving(versions) == "loan-approval-v2"


def test_a_configuration_that_is_gone_is_made_anew_from_what_is_live(versions, choose, serve):
    del versions.configs[f"{NAME}-config-of-{NAME}-v2"]
    serve(choose())
    assert serving(versions) == "loan-approval-v2"
    variant = versions.configs[versions.endpoints[NAME]["EndpointConfigName"]]["ProductionVariants"][0]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.c5.xlarge", 2)


def test_a_configuration_that_captures_otherwise_than_declared_is_not_taken_again(versions, choose, serve):
    versions.configs[f"{NAME}-config-of-{NAME}-v2"]["DataCaptureConfig"]["InitialSamplingPercentage"] = 7
    serve(choose())
    config = versions.configs[versions.endpoints[NAME]["EndpointConfigName"]]
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 100
    assert serving(versions) == "loan-approval-v2"


def test_a_dry_run_changes_nothing_and_leaves_its_plan(versions, choose):
    with pytest.raises(AirflowSkipException, match="'loan-approval-v2' is to serve instead of 'loan-approval-v3'"):
        choose(dry_run=True)
    assert choose.pushed[PLAN]["to"]["model_version"] == "loan-approval-v2"
    assert versions.count("UpdateEndpoint") == 0


def test_a_version_that_was_rejected_since_is_not_deployed_again(versions, choose, serve):
    package = versions.models["loan-approval-v1"]["PrimaryContainer"]["ModelPackageName"]
    versions.packages[package]["ModelApprovalStatus"] = "Rejected"
    change = choose("redeploy", version="loan-approval-v1")
    with pytest.raises(NotRetriedError, match="Rejected"):
        serve(change)
    # The way back must stay open all the same: that version has served.
    serve(choose("rollback", version="loan-approval-v1"))
    assert serving(versions) == "loan-approval-v1"


def test_an_unknown_version_is_an_error_with_those_there_are(versions, choose):
    with pytest.raises(NotRetriedError, match="Did you mean 'loan-approval-v"):
        choose("redeploy", version="loan-approval-v9")


def test_a_version_that_serves_already_is_nothing_to_do(versions, choose):
    with pytest.raises(AirflowSkipException, match="serves"):
        choose("redeploy", version="loan-approval-v3")


def test_a_redeployment_without_a_version_gives_the_one_that_serves_fresh_machines_once(versions, choose, serve):
    before = versions.endpoints[NAME]["EndpointConfigName"]
    change = choose("redeploy", version=None)
    for _ in range(2):
        result = serve(change)
    assert serving(versions) == "loan-approval-v3"
    assert result["endpoint_config"] != before
    assert versions.count("UpdateEndpoint") == 1
    assert "DeploymentConfig" not in update_of(versions)


def test_what_somebody_else_has_deployed_meanwhile_is_not_replaced(versions, choose, serve):
    change = choose()
    versions.endpoints.clear()
    versions.serve(NAME, "a-hotfix")
    with pytest.raises(NotRetriedError, match="a-hotfix"):
        serve(change)


def test_somebody_elses_update_is_waited_for(versions, choose, serve):
    change = choose()
    versions.endpoints[NAME]["EndpointStatus"] = "Updating"
    serve(change)
    assert serving(versions) == "loan-approval-v2"
    assert versions.count("UpdateEndpoint") == 1


def test_the_record_says_that_it_was_a_rollback_and_the_event_what_serves(versions, endpoint, choose, serve, context):
    serve(choose(reason="far too slow"))
    for _ in range(2):
        operator = RecordDeploymentOperator(
            task_id="record_deployment", endpoint=endpoint, how="rollback", reason="far too slow",
            in_service_from=(START + timedelta(hours=9)).isoformat(), outlets=[deployed(NAME)], **AWS,
        )  # fmt: skip
        about = context(operator)
        operator.execute(about)
    assert about["outlet_events"][deployed(NAME)].extra["model_version"] == "loan-approval-v2"
    known = recorded(operator.store, Layout.of(endpoint))
    assert [(record.model_version, record.how) for record in known][-1] == ("loan-approval-v2", "rollback")
    assert len(known) == 4
    assert known[-1].reason == "far too slow"
    assert previous(known).model_version == "loan-approval-v1"
