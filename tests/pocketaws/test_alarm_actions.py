"""What alarms send, what is refused, and what is on record about them."""

from __future__ import annotations

import datetime as dt
import json
import time

import botocore.session
import pytest
from botocore.exceptions import ClientError

from pocketaws.alarm_actions import Transition, message, region_name, stamp
from pocketaws.alarm_requests import NOT_EMULATED, check
from pocketaws.faults import Fault

ALARM = {
    "AlarmName": "slow", "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:slow", "StateValue": "ALARM",
    "StateReason": "Threshold Crossed", "AlarmConfigurationUpdatedTimestamp": 1772366400, "Namespace": "AWS/SageMaker",
    "MetricName": "ModelLatency", "ExtendedStatistic": "p95", "Period": 60, "EvaluationPeriods": 5,
    "DatapointsToAlarm": 3, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5e6,
    "Dimensions": [{"Name": "EndpointName", "Value": "loans"}], "AlarmActions": ["arn:aws:sns:us-east-1:1:t"],
}  # fmt: skip


def test_a_message_has_the_members_of_cloudwatchs_own():
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html and its sample."""
    told = message(Transition(ALARM, "OK", 1772366400.25), account="123456789012", region=region_name("us-east-1"))
    assert told["Region"] == "US East (N. Virginia)"
    assert told["StateChangeTime"] == "2026-03-01T12:00:00.250+0000"
    assert (told["OldStateValue"], told["NewStateValue"]) == ("OK", "ALARM")
    assert told["Trigger"]["StatisticType"] == "ExtendedStatistic"
    assert told["Trigger"]["ExtendedStatistic"] == "p95"
    assert told["Trigger"]["Dimensions"] == [{"value": "loans", "name": "EndpointName"}]
    assert set(told) == {
        "AlarmName", "AlarmDescription", "AWSAccountId", "AlarmConfigurationUpdatedTimestamp", "NewStateValue",
        "NewStateReason", "StateChangeTime", "Region", "AlarmArn", "OldStateValue", "OKActions", "AlarmActions",
        "InsufficientDataActions", "Trigger",
    }  # fmt: skip


def test_a_time_is_told_with_its_thousandths():
    assert stamp(0) == "1970-01-01T00:00:00.000+0000"


@pytest.mark.parametrize("member", NOT_EMULATED)
def test_every_member_that_is_refused_is_one_of_the_api(member):
    model = botocore.session.get_session().get_service_model("cloudwatch")
    shapes = [model.operation_model(name).input_shape for name in ("PutMetricAlarm", "PutCompositeAlarm",
                                                                   "DescribeAlarmHistory")]  # fmt: skip
    assert any(member in shape.members for shape in shapes)


def test_what_is_not_emulated_is_refused_with_501_and_its_name():
    request = {
        "AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
        "Metrics": [{"Id": "m", "Expression": "1"}],
    }  # fmt: skip
    with pytest.raises(Fault, match="metric math") as caught:
        check("PutMetricAlarm", request)
    assert caught.value.status == 501


class Bell:
    """A topic with a queue, and alarms that ring it."""

    def __init__(self, aws, name) -> None:
        self.cloudwatch, self.sqs, self.name = aws.client("cloudwatch"), aws.client("sqs"), name
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns = aws.client("sns")
        self.topic = sns.create_topic(Name=name)["TopicArn"]
        sns.subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )  # fmt: skip

    def alarm(self, name, **changes):
        self.cloudwatch.put_metric_alarm(
            **{
                "AlarmName": name, "Namespace": self.name, "MetricName": "m", "Statistic": "Sum", "Period": 60,
                "Dimensions": [{"Name": "A", "Value": "a"}], "EvaluationPeriods": 1, "Threshold": 1,
                "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "ignore",
                "AlarmActions": [self.topic], **changes,
            }
        )  # fmt: skip
        return name

    def set(self, name, state):
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"set to {state}")

    def rung(self, count):
        found, end = [], time.monotonic() + 20
        while len(found) < count and time.monotonic() < end:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for item in answer.get("Messages", []):
                found.append(json.loads(item["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=item["ReceiptHandle"])
        return found


@pytest.fixture
def bell(pocketaws, unique):
    return Bell(pocketaws, unique)


@pytest.mark.pocketaws
def test_every_change_is_told_once_to_the_topic_of_its_state_even_two_in_a_moment(bell):
    name = bell.alarm(f"{bell.name}/quick", OKActions=[bell.topic])
    for state in ("ALARM", "OK", "ALARM"):
        bell.set(name, state)
    told = bell.rung(3)
    assert [(item["OldStateValue"], item["NewStateValue"]) for item in told] == [
        ("INSUFFICIENT_DATA", "ALARM"), ("ALARM", "OK"), ("OK", "ALARM"),
    ]  # fmt: skip
    assert {item["AlarmName"] for item in told} == {name}
    (found,) = bell.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    changed = dt.datetime.strptime(told[-1]["StateChangeTime"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs(found["StateUpdatedTimestamp"] - changed) < dt.timedelta(seconds=2)


@pytest.mark.pocketaws
def test_an_alarm_whose_actions_are_off_is_silent(bell):
    bell.set(bell.alarm(f"{bell.name}/silent", ActionsEnabled=False), "ALARM")
    bell.set(bell.alarm(f"{bell.name}/loud"), "ALARM")
    assert [item["AlarmName"] for item in bell.rung(1)] == [f"{bell.name}/loud"]


@pytest.mark.pocketaws
def test_a_composite_alarm_follows_its_rule_and_tells_of_the_children_that_did_it(bell):
    one, other = (bell.alarm(f"{bell.name}/{name}", AlarmActions=[]) for name in ("one", "other"))
    rule = f'ALARM("{one}") AND NOT ALARM("{other}")'
    composite = f"{bell.name}/both"
    bell.cloudwatch.put_composite_alarm(AlarmName=composite, AlarmRule=rule, AlarmActions=[bell.topic])
    bell.set(one, "ALARM")
    (told,) = bell.rung(1)
    assert (told["AlarmName"], told["NewStateValue"], told["AlarmRule"]) == (composite, "ALARM", rule)
    (child,) = told["TriggeringChildren"]
    assert child["Arn"].endswith(f":alarm:{one}")
    bell.set(other, "ALARM")
    (found,) = bell.cloudwatch.describe_alarms(AlarmNames=[composite], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert found["StateValue"] == "OK"


@pytest.mark.pocketaws
def test_the_history_has_every_change_newest_first(bell):
    name = bell.alarm(f"{bell.name}/told")
    for state in ("ALARM", "OK"):
        bell.set(name, state)
    items = bell.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items[:2]] == [
        "Alarm updated from ALARM to OK", "Alarm updated from INSUFFICIENT_DATA to ALARM",
    ]  # fmt: skip
    assert json.loads(items[0]["HistoryData"])["newState"]["stateReason"] == "set to OK"


@pytest.mark.pocketaws
def test_requests_that_aws_refuses_are_refused(bell):
    name = bell.alarm(f"{bell.name}/strict")
    for operation, request, code in (
        ("set_alarm_state", {"AlarmName": name, "StateValue": "BROKEN", "StateReason": "r"}, "ValidationError"),
        ("set_alarm_state", {"AlarmName": "nobody", "StateValue": "OK", "StateReason": "r"}, "ResourceNotFound"),
        ("put_metric_alarm", {"AlarmName": name, "EvaluationPeriods": 1, "ComparisonOperator": "Above"},
         "ValidationError"),
        ("put_metric_alarm", {"AlarmName": name, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
                              "Metrics": [{"Id": "m", "Expression": "1"}]}, "NotImplemented"),
        ("put_composite_alarm", {"AlarmName": f"{name}/c", "AlarmRule": 'ALARM("nobody")'}, "ValidationError"),
    ):  # fmt: skip
        with pytest.raises(ClientError) as caught:
            getattr(bell.cloudwatch, operation)(**request)
        assert caught.value.response["Error"]["Code"] == code, request
