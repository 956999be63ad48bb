"""The declared strategy as SageMaker takes it, and the alarms that send an update back."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from endpointwatch.actions.alarm_requests import alarm_name
from endpointwatch.actions.deployment import update_request
from endpointwatch.actions.rollout import (
    alarm_requests,
    deployment_config,
    rollback_alarms,
    watches_declared_alarms,
)
from endpointwatch.config.deployment import DeploymentSettings
from endpointwatch.config.endpoint import Endpoint

DECLARED = {
    "name": "loan-approval",
    "aws": {"role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
    "results_uri": "s3://endpointwatch/results",
    "capture": {"destination_uri": "s3://endpointwatch/capture"},
    "schedule": {"start_date": "2026-11-01"},
    "job": {"image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"},
    "monitors": [{"kind": "data_quality"}],
    "decision": {"action": "notify"},
}
SESSION = botocore.session.get_session()
UPDATE = SESSION.get_service_model("sagemaker").operation_model("UpdateEndpoint").input_shape
PUT_ALARM = SESSION.get_service_model("cloudwatch").operation_model("PutMetricAlarm").input_shape


def declared(alarms=None, **deployment) -> Endpoint:
    return Endpoint.model_validate({**DECLARED, "alarms": alarms or {}, "deployment": deployment})


def assert_taken(request, shape) -> None:
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()


def test_nothing_declared_is_the_update_that_sagemaker_does_unasked():
    assert deployment_config(declared()) == {}
    assert "DeploymentConfig" not in update_request(declared(), config_name="c")
    assert alarm_requests(declared()) == rollback_alarms(declared()) == ()


def test_a_canary_goes_first_and_alarms_watch_it():
    endpoint = declared(strategy="canary", step={"percent": 20}, wait_seconds=120, termination_wait_seconds=60)
    config = deployment_config(endpoint)
    assert config["BlueGreenUpdatePolicy"] == {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 120,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20},
        },
        "TerminationWaitInSeconds": 60,
    }
    named = [alarm["AlarmName"] for alarm in config["AutoRollbackConfiguration"]["Alarms"]]
    assert named == [request["AlarmName"] for request in alarm_requests(endpoint)]
    assert [request["MetricName"] for request in alarm_requests(endpoint)] == ["ModelLatency", "Invocation5XXErrors"]
    # Latency is in microseconds.
    assert alarm_requests(endpoint)[0]["Threshold"] == 5_000_000


def test_a_rolling_update_replaces_batches():
    config = deployment_config(declared(strategy="rolling", step={"instances": 2}, wait_seconds=30))
    assert config["RollingUpdatePolicy"] == {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2}, "WaitIntervalInSeconds": 30,
    }  # fmt: skip


def test_the_way_back_takes_no_strategy_and_no_alarms():
    request = update_request(declared(strategy="canary"), config_name="c", at_once=True)
    assert "DeploymentConfig" not in request
    assert request["RetainAllVariantProperties"] is True


def test_alarms_of_the_file_are_watched_by_their_full_names_and_others_by_the_names_they_have():
    drift = {"metric": "feature_baseline_drift_income", "monitor": "data_quality", "threshold": 0.2, "actions": []}
    endpoint = declared(
        alarms={"metrics": {"drift": drift}},
        strategy="canary",
        rollback_alarms={"latency": None, "errors": None, "names": ["drift", "made-elsewhere"]},
    )
    assert rollback_alarms(endpoint) == (alarm_name("loan-approval", "drift"), "made-elsewhere")
    assert watches_declared_alarms(endpoint)
    assert alarm_requests(endpoint) == ()
    assert not watches_declared_alarms(declared(strategy="canary", rollback_alarms={"names": ["made-elsewhere"]}))


@pytest.mark.parametrize("alarms", [{"enabled": False}, {"metrics": {"errors_5xx": {"enabled": False}}}])
def test_an_alarm_of_the_file_that_is_not_made_cannot_be_watched(alarms):
    with pytest.raises(ValidationError, match="names has errors_5xx, which is not made"):
        declared(alarms=alarms, strategy="canary", rollback_alarms={"names": ["errors_5xx"]})


STEPS = {"canary": (1, 50), "linear": (10, 50), "rolling": (5, 50)}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), strategy=st.sampled_from(["all_at_once", *STEPS]))
def test_whatever_the_file_may_say_sagemaker_and_cloudwatch_take(data, strategy):
    low, high = STEPS.get(strategy, (1, 100))
    endpoint = declared(
        strategy=strategy,
        step=data.draw(
            st.one_of(
                st.builds(lambda n: {"percent": n}, st.integers(low, high)),
                st.builds(lambda n: {"instances": n}, st.integers(1, 5)),
            )
        ),
        wait_seconds=data.draw(st.integers(0, 3600)),
        termination_wait_seconds=data.draw(st.integers(0, 3600)),
        maximum_seconds=data.draw(st.none() | st.integers(600, 28800)),
        rollback_alarms={"latency": data.draw(st.sampled_from([None, {"statistic": "p99"}, {"statistic": "Average"}]))},
    )
    assert_taken(update_request(endpoint, config_name="c"), UPDATE)
    for request in alarm_requests(endpoint):
        assert_taken(request, PUT_ALARM)
    watched = deployment_config(endpoint).get("AutoRollbackConfiguration", {}).get("Alarms", [])
    assert tuple(alarm["AlarmName"] for alarm in watched) == rollback_alarms(endpoint)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"strategy": "canary", "step": {"percent": 60}}, "1 to 50"),
        ({"strategy": "linear", "step": {"percent": 5}}, "10 to 50"),
        ({"strategy": "rolling", "step": {"percent": 4}}, "5 to 50"),
        ({"step": {}}, "either percent or instances"),
        ({"rollback_alarms": {"names": ["a"]}}, "would never be looked at"),
        ({"strategy": "canary", "rollback_alarms": {"names": ["a", "a"]}}, "a stands in `names` more than once"),
        ({"strategy": "canary", "rollback_alarms": {"names": list("abcdefghi")}}, "SageMaker takes 10"),
        ({"probation": {"windows": 2, "violated": 3}}, "never be reached in 2 windows"),
    ],
)
def test_what_sagemaker_would_refuse_or_ignore_is_refused_by_the_file(told, said):
    with pytest.raises(ValidationError, match=said):
        DeploymentSettings.model_validate(told)
