"""What follows a deployment: capture seen to work, old versions forgotten, differences told, instances scaled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from endpointwatch.capture.marks import OWN_TRAFFIC
from endpointwatch.config.layout import Layout
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.deployments import place
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.operators.capture_proof import VerifyCaptureOperator
from endpointwatch_airflow.operators.clean_versions import CleanVersionsOperator
from endpointwatch_airflow.operators.endpoint_drift import CompareWithFileOperator
from endpointwatch_airflow.operators.scaling import ScaleEndpointOperator

NAME = "loan-approval"
AWS = {"aws_conn_id": None, "region_name": "us-east-1", "deferrable": False}
SINCE = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)


def line(at, inference_id=None, data="1,2") -> str:
    metadata = {"inferenceTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "inferenceId": inference_id}
    side = {"observedContentType": "text/csv", "mode": "INPUT", "data": data, "encoding": "CSV"}
    return json.dumps({"captureData": {"endpointInput": side}, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"


class Callers:
    """An endpoint that captures what it is asked."""

    def __init__(self, s3) -> None:
        self.s3, self.asked, self.captures = s3, [], True

    def capture(self, at, text) -> None:
        key = f"s3://endpointwatch/capture/{NAME}/AllTraffic/{at:%Y/%m/%d/%H}/{at:%M-%S}-000-x.jsonl"
        self.s3.put(key, text)

    def invoke(self, endpoint, body, *, content_type, inference_id):
        self.asked.append((body, content_type, inference_id))
        if self.captures:
            self.capture(SINCE + timedelta(minutes=1), line(SINCE + timedelta(minutes=1), inference_id))
        return "AllTraffic"


@pytest.fixture
def callers(s3):
    return Callers(s3)


@pytest.fixture
def verify(s3, endpoint, context, callers):
    record = Deployment(endpoint=NAME, model_version="v2", in_service_from=SINCE, endpoint_config="c")
    uri = place(Layout.of(endpoint), record)
    s3.put(uri, record.to_json())

    def run(endpoint=endpoint, **more):
        operator = VerifyCaptureOperator(
            task_id="verify_capture", endpoint=endpoint, deployment_uri=uri, clock=lambda: SINCE + timedelta(minutes=2),
            waiter_delay=0, waiter_max_attempts=3, **{**AWS, **more},
        )  # fmt: skip
        operator.__dict__["runtime"] = callers
        return operator.execute(context(operator))

    return run


def test_a_record_newer_than_the_deployment_is_the_proof_and_nobody_is_asked(verify, callers):
    callers.capture(SINCE + timedelta(seconds=5), line(SINCE + timedelta(seconds=5)))
    assert verify().endswith(".jsonl")
    assert callers.asked == []


def test_without_traffic_the_newest_request_is_sent_again_marked_as_our_own(verify, callers):
    earlier = SINCE - timedelta(hours=3)
    later = SINCE - timedelta(minutes=1)
    callers.capture(earlier, line(earlier, data="old"))
    callers.capture(later, line(later, data="5,6") + line(later, f"{OWN_TRAFFIC}x", data="made up"))
    assert verify().endswith("31-00-000-x.jsonl")
    ((body, content_type, inference_id),) = callers.asked
    assert (body, content_type) == (b"5,6", "text/csv")
    assert inference_id.startswith(OWN_TRAFFIC)
    assert len(inference_id) <= 64


def test_a_record_from_before_the_deployment_in_the_same_hour_proves_nothing(verify, callers):
    callers.capture(SINCE - timedelta(minutes=5), line(SINCE - timedelta(minutes=5)))
    callers.captures = False
    with pytest.raises(EndpointError, match=r"No request .* has been captured"):
        verify()
    assert len(callers.asked) == 1


def test_an_endpoint_that_was_never_asked_has_nothing_to_be_verified_by(verify, callers):
    assert verify() == ""
    assert callers.asked == []


def test_waiting_for_the_capture_takes_no_worker(verify, callers):
    callers.capture(SINCE - timedelta(minutes=5), line(SINCE - timedelta(minutes=5)))
    callers.captures = False
    with pytest.raises(TaskDeferred) as raised:
        verify(deferrable=True)
    assert (raised.value.method_name, raised.value.kwargs) == ("look", {"attempt": 1})


@pytest.fixture
def versions(sagemaker, s3, endpoint, monkeypatch):
    """Six versions were deployed, the last of which serves; of some the tag is another's."""
    tags = {}
    for number in range(1, 7):
        sagemaker.endpoints.clear()
        config = sagemaker.serve(NAME, f"v{number}")
        record = Deployment(
            endpoint=NAME, model_version=f"v{number}", in_service_from=SINCE + timedelta(hours=number),
            endpoint_config=config,
        )  # fmt: skip
        s3.put(place(Layout.of(endpoint), record), record.to_json())
        for kind, name in (("model", f"v{number}"), ("config", config)):
            tags[f"{kind}/{name}"] = [{"Key": "endpointwatch:endpoint", "Value": NAME}]
    described, config_described = type(sagemaker)._describe_model, type(sagemaker)._describe_endpoint_config
    monkeypatch.setattr(
        type(sagemaker), "_describe_model",
        lambda self, ModelName: {**described(self, ModelName), "ModelArn": f"model/{ModelName}"},  # noqa: N803
    )  # fmt: skip
    monkeypatch.setattr(
        type(sagemaker), "_describe_endpoint_config",
        lambda self, EndpointConfigName: {  # noqa: N803
            **config_described(self, EndpointConfigName), "EndpointConfigArn": f"config/{EndpointConfigName}",
        },
    )  # fmt: skip
    monkeypatch.setattr(
        type(sagemaker), "_list_tags", lambda self, ResourceArn: {"Tags": tags[ResourceArn]},  # noqa: N803
        raising=False,
    )  # fmt: skip
    return SimpleNamespace(tags=tags, sagemaker=sagemaker)


def test_versions_older_than_those_that_are_kept_lose_model_and_configuration(versions, endpoint, context):
    operator = CleanVersionsOperator(task_id="clean_versions", endpoint=endpoint, **AWS)
    versions.tags["model/v1"] = [{"Key": "endpointwatch:endpoint", "Value": "another"}]
    deleted = operator.execute(context(operator))
    # Three before v6 stay; v1's model is not ours.
    assert deleted == {"models": ["v2"], "endpoint_configs": [f"{NAME}-config-of-v1", f"{NAME}-config-of-v2"]}
    assert set(versions.sagemaker.models) == {"v1", "v3", "v4", "v5", "v6"}
    again = CleanVersionsOperator(task_id="clean_versions", endpoint=endpoint, **AWS)
    assert again.execute(context(again)) == {"models": [], "endpoint_configs": []}


def test_a_version_that_is_being_deployed_is_not_deleted(versions, endpoint, context):
    versions.sagemaker.endpoints[NAME].update(
        EndpointStatus="Updating", PendingDeploymentSummary={"EndpointConfigName": f"{NAME}-config-of-v1"}
    )
    operator = CleanVersionsOperator(task_id="clean_versions", endpoint=endpoint, **AWS)
    assert operator.execute(context(operator))["models"] == ["v2"]
    assert f"{NAME}-config-of-v1" in versions.sagemaker.configs


def test_what_differs_from_the_file_is_told_with_key_and_remedy(sagemaker, endpoint, context):
    sagemaker.serve(NAME, "v1")
    operator = CompareWithFileOperator(task_id="compare_with_file", endpoint=endpoint, **AWS)
    found = {item["key"]: (item["declared"], item["live"]) for item in operator.execute(context(operator))}
    assert found["hosting.instance_type"] == ("ml.m5.large", "ml.c5.xlarge")
    assert found["capture.destination_uri"] == ("s3://endpointwatch/capture", "s3://b/c")
    assert found["capture.sampling_percentage"] == ("100", "50")
    assert found["capture.modes"] == ("Input, Output", "Input")
    assert "hosting.initial_instance_count" not in found


@pytest.fixture
def scaled(sagemaker, s3, monkeypatch):
    sagemaker.serve(NAME, "v1")
    sagemaker.endpoints[NAME]["ProductionVariants"] = [{"VariantName": "AllTraffic", "CurrentInstanceCount": 2}]

    def update(self, EndpointName, DesiredWeightsAndCapacities):  # noqa: N803
        (wanted,) = DesiredWeightsAndCapacities
        self.endpoints[EndpointName]["ProductionVariants"][0]["CurrentInstanceCount"] = wanted["DesiredInstanceCount"]
        return {"EndpointArn": "arn"}

    monkeypatch.setattr(type(sagemaker), "_update_endpoint_weights_and_capacities", update, raising=False)
    return sagemaker


def scale(endpoint, context, count, **more):
    operator = ScaleEndpointOperator(
        task_id="scale", endpoint=endpoint, desired_instance_count=count, **{**AWS, **more}
    )
    return operator.execute(context(operator))


def test_scaling_sets_the_count_once(scaled, endpoint, context):
    assert scale(endpoint, context, "3") == {"instances": 3, "changed": True}
    assert scale(endpoint, context, 3) == {"instances": 3, "changed": False}
    assert scaled.count("UpdateEndpointWeightsAndCapacities") == 1


def test_an_update_under_way_is_waited_for_before_scaling(scaled, endpoint, context):
    scaled.endpoints[NAME]["EndpointStatus"] = "Updating"
    assert scale(endpoint, context, 3) == {"instances": 3, "changed": True}
    scaled.endpoints[NAME]["EndpointStatus"] = "Updating"
    with pytest.raises(TaskDeferred) as raised:
        scale(endpoint, context, 4, deferrable=True)
    assert raised.value.method_name == "resume"


def test_a_dry_run_scales_nothing(scaled, endpoint, context):
    assert scale(endpoint, context, 3, dry_run=True) == {"instances": 2, "changed": False}
    assert scaled.count("UpdateEndpointWeightsAndCapacities") == 0


@pytest.mark.parametrize(("count", "more"), [(0, {}), (9, {"maximum_instances": 4}), (3, {"variant": "Other"})])
def test_a_count_outside_its_bounds_and_an_unknown_variant_are_refused(scaled, endpoint, context, count, more):
    with pytest.raises(NotRetriedError):
        scale(endpoint, context, count, **more)
    assert scaled.count("UpdateEndpointWeightsAndCapacities") == 0
