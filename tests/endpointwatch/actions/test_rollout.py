"""The declared strategy as SageMaker takes it, and the alarms that send an update back."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from endpointwatch.actions.deployment import update_request
from endpointwatch.actions.rollout import alarm_requests, deployment_config, rollback_alarms
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


def declared(**deployment) -> Endpoint:
    return Endpoint.model_validate({**DECLARED, "deployment": deployment})


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


def test_a_metric_of_a_monitor_is_watched_under_the_dimensions_it_is_published_with():
    metric = {"name": "drift", "metric": "feature_baseline_drift_income", "monitor": "data_quality", "above": 0.2}
    endpoint = declared(strategy="canary", rollback_alarms={"latency": None, "errors": None, "metrics": [metric]})
    (request,) = alarm_requests(endpoint)
    assert request["Dimensions"] == [
        {"Name": "Endpoint", "Value": "loan-approval"},
        {"Name": "MonitoringSchedule", "Value": "loan-approval-data_quality"},
    ]
    assert (request["Namespace"], request["ComparisonOperator"]) == ("EndpointWatch", "GreaterThanThreshold")


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
        ({"rollback_alarms": {"metrics": [{"name": "a", "metric": "m"}]}}, "either `above` or `below`"),
        (
            {"rollback_alarms": {"metrics": [{"name": "a", "metric": "m", "above": 1, "period_seconds": 45}]}},
            "multiples of 60",
        ),
        ({"strategy": "canary", "rollback_alarms": {"names": list("abcdefghi")}}, "SageMaker takes 10"),
        ({"probation": {"windows": 2, "violated": 3}}, "never be reached in 2 windows"),
    ],
)
def test_what_sagemaker_would_refuse_or_ignore_is_refused_by_the_file(told, said):
    with pytest.raises(ValidationError, match=said):
        DeploymentSettings.model_validate(told)
