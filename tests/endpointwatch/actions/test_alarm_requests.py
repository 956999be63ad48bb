"""The bodies that CloudWatch gets, and what counts as another alarm."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from endpointwatch.actions.alarm_requests import (
    alarm_name,
    alarm_prefix,
    alarm_requests,
    channel_name,
    declared_name,
    differences,
    is_composite,
    monitor_dimensions,
    queue_policy,
)
from endpointwatch.jobs.monitors.duty import Duty

CLOUDWATCH = botocore.session.get_session().get_service_model("cloudwatch")
TOPIC = "arn:aws:sns:us-east-1:123456789012:endpointwatch-loans"
OWN = {
    "drift": {"metric": "feature_baseline_drift_age", "monitor": "data_quality", "threshold": 0.2, "actions": []},
    "cost": {"metric": "cost", "namespace": "Own", "dimensions": {"B": "2", "A": "1"}, "threshold": 1},
}


@pytest.fixture
def requests(declare) -> dict[str, dict[str, Any]]:
    endpoint = declare(alarms={"metrics": OWN, "composites": {"down": {"rule": "ALARM(drift) AND OK(cost)"}}})
    found = alarm_requests(endpoint, TOPIC)
    return {declared_name("loan-approval", name): request for name, request in found.items()}


def test_cloudwatchs_own_model_accepts_every_body(requests):
    assert len(requests) == 7
    for request in requests.values():
        operation = "PutCompositeAlarm" if is_composite(request) else "PutMetricAlarm"
        shape = CLOUDWATCH.operation_model(operation).input_shape
        assert not ParamValidator().validate(request, shape).has_errors()
        assert len(request["AlarmDescription"]) <= 1024


def test_an_alarm_of_a_monitor_watches_the_metric_that_the_monitor_publishes(requests):
    endpoint = type("E", (), {"name": "loan-approval"})
    settings = type("S", (), {"kind": "data_quality"})
    published = Duty.dimensions.fget(type("D", (), {"endpoint": endpoint, "settings": settings}))
    assert monitor_dimensions("loan-approval", "data_quality") == published
    watched = {item["Name"]: item["Value"] for item in requests["drift"]["Dimensions"]}
    assert (requests["drift"]["Namespace"], watched) == ("EndpointWatch", published)


def test_an_alarm_without_actions_rings_nobody_and_the_others_ring_the_topic(requests):
    assert requests["drift"]["AlarmActions"] == []
    assert all(request["AlarmActions"] == [TOPIC] for name, request in requests.items() if name != "drift")


def test_percentiles_and_plain_statistics_stand_where_cloudwatch_wants_them(requests):
    assert requests["model_latency"]["ExtendedStatistic"] == "p95"
    assert "Statistic" not in requests["model_latency"]
    assert requests["errors_5xx"]["Statistic"] == "Average"


def test_an_alarm_is_another_one_when_a_member_of_its_differs_and_not_by_the_order_of_lists(requests):
    cost = requests["cost"]
    live = {**cost, "Dimensions": cost["Dimensions"][::-1], "Period": 60, "Threshold": 1, "StateValue": "OK"}
    assert differences(cost, live) == ()
    assert differences(cost, {**live, "Threshold": 2.0}) == ("Threshold",)
    assert differences(cost, {**live, "AlarmActions": []}) == ("AlarmActions",)


def test_names_tell_whose_an_alarm_is_also_where_one_endpoint_is_called_like_anothers_beginning():
    assert not alarm_name("loans-2", "a").startswith(alarm_prefix("loans"))
    assert declared_name("loans", alarm_name("loans", "a")) == "a"
    assert declared_name("loans", alarm_name("loans-2", "a")) is None
    assert len(channel_name("x" * 63)) <= 80


def test_the_queues_policy_lets_the_topic_send_and_nobody_else():
    (statement,) = json.loads(queue_policy("arn:queue", TOPIC))["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC}}
