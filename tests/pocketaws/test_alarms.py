"""Alarms change their state as CloudWatch documents, and tell SNS and EventBridge.

References:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketaws.alarms import ALARM, INSUFFICIENT_DATA, OK, NotEvaluated, decide, watched

STATES = (OK, ALARM, INSUFFICIENT_DATA)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAIN = "retain current state"
# The two tables of the page above: data points with the newest on the right (0 holds, X breaches, - is missing),
# then the state under MISSING, IGNORE, BREACHING, NOT BREACHING. Evaluation periods 3, evaluation range 5.
THREE_OF_THREE = {
    "0 - X - X": (OK, OK, OK, OK),
    "0 - - - -": (OK, OK, OK, OK),
    "- - - - -": (INSUFFICIENT_DATA, RETAIN, ALARM, OK),
    "0 X X - X": (ALARM, ALARM, ALARM, ALARM),
    "- - X - -": (ALARM, RETAIN, ALARM, OK),
}
TWO_OF_THREE = {
    "0 - X - X": (ALARM, ALARM, ALARM, ALARM),
    "0 0 X 0 X": (ALARM, ALARM, ALARM, ALARM),
    "0 - X - -": (OK, OK, ALARM, OK),
    "- - - - 0": (OK, OK, ALARM, OK),
    "- - - X -": (ALARM, RETAIN, ALARM, OK),
}
ROWS = [
    (shown, to_alarm, treatment, expected)
    for to_alarm, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for shown, states in table.items()
    for treatment, expected in zip(TREATMENTS, states, strict=True)
]


def points(shown: str) -> list[float | None]:
    """Newest first, as ``decide`` takes them."""
    return [{"0": 0.0, "X": 1.0, "-": None}[mark] for mark in reversed(shown.split())]


def state_of(shown, to_alarm=3, missing="missing", state=OK, periods=3):
    values = points(shown) if isinstance(shown, str) else shown
    return decide(
        values, breaching=lambda value: value > 0.5, periods=periods, to_alarm=to_alarm, missing=missing, state=state
    )


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("shown", "to_alarm", "treatment", "expected"), ROWS)
def test_the_tables_of_cloudwatchs_documentation_hold_from_every_state(shown, to_alarm, treatment, expected, state):
    assert state_of(shown, to_alarm, treatment, state) == (state if expected == RETAIN else expected)


@pytest.mark.parametrize("shown", ["- - - - X", "- - - X -"])
@pytest.mark.parametrize("state", STATES)
def test_a_single_breach_is_no_alarm_before_it_is_old_enough(shown, state):
    """ "Because the next data point may be non-breaching, the alarm does not go immediately into ALARM state"."""
    assert state_of(shown, to_alarm=3, state=state) == state


RANGES = st.lists(st.sampled_from([0.0, 1.0, None]), min_size=3, max_size=8)
WINDOWS = st.tuples(RANGES, st.integers(1, 3), st.sampled_from(TREATMENTS), st.sampled_from(STATES))


@given(WINDOWS)
def test_enough_real_data_make_the_treatment_of_missing_data_irrelevant(window):
    values, to_alarm, _, state = window
    if sum(value is not None for value in values) >= 3:
        assert len({state_of(values, to_alarm, treatment, state) for treatment in TREATMENTS}) == 1


@given(WINDOWS)
def test_no_alarm_comes_from_data_that_hold(window):
    values, to_alarm, treatment, state = window
    real = [value for value in values if value is not None][:3]
    if real and not any(real) and treatment != "breaching":
        assert state_of(values, to_alarm, treatment, state) == OK


@given(WINDOWS)
def test_insufficient_data_is_only_ever_kept_or_means_no_data_at_all(window):
    values, to_alarm, treatment, state = window
    if state_of(values, to_alarm, treatment, state) == INSUFFICIENT_DATA and state != INSUFFICIENT_DATA:
        assert values == [None] * len(values)
        assert treatment == "missing"


@given(WINDOWS)
def test_m_breaches_among_the_newest_n_are_an_alarm_and_older_ones_do_not_count(window):
    values, to_alarm, treatment, state = window
    full = [value for value in values if value is not None]
    if len(full) >= 3:
        assert (state_of(full, to_alarm, treatment, state) == ALARM) == (sum(full[:3]) >= to_alarm)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly detection"),
        ({"Statistic": None, "ExtendedStatistic": "tm(10%:90%)"}, "statistic"),
        ({"MetricName": None, "Metrics": [{"Id": "e", "Expression": "m1+m2"}, {"Id": "m1"}]}, "metric math"),
    ],
)
def test_what_is_not_evaluated_says_so(change, said):
    alarm = {
        "ComparisonOperator": "GreaterThanThreshold", "Namespace": "n", "MetricName": "m", "Statistic": "Sum",
        "Period": 60,
    }  # fmt: skip
    alarm = {key: value for key, value in {**alarm, **change}.items() if value is not None}
    with pytest.raises(NotEvaluated, match=said):
        watched(alarm)


class Watch:
    """Alarms on a metric of the test's own."""

    def __init__(self, aws) -> None:
        self.aws, self.cloudwatch = aws, aws.client("cloudwatch")
        self.name = f"t-{uuid.uuid4().hex[:12]}"

    def alarm(self, endpoint, **changes):
        name = f"{self.name}-{endpoint}-{uuid.uuid4().hex[:4]}"
        self.cloudwatch.put_metric_alarm(
            **{
                "AlarmName": name, "Namespace": self.name, "MetricName": "errors", "Statistic": "Sum", "Period": 60,
                "Dimensions": [{"Name": "Endpoint", "Value": endpoint}], "EvaluationPeriods": 1, "Threshold": 5,
                "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching", **changes,
            }
        )  # fmt: skip
        return name

    def put(self, endpoint, value, minutes_ago=0):
        at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
        dimensions = [{"Name": "Endpoint", "Value": endpoint}] if endpoint else []
        datum = {"MetricName": "errors", "Dimensions": dimensions, "Value": value, "Timestamp": at}
        self.cloudwatch.put_metric_data(Namespace=self.name, MetricData=[datum])

    def state(self, alarm):
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return found["StateValue"]

    def until(self, alarm, state, seconds=30):
        end = time.monotonic() + seconds
        while self.state(alarm) != state:
            assert time.monotonic() < end, f"{alarm} is {self.state(alarm)}, not {state}\n{self.aws.output()[-2000:]}"
            time.sleep(0.1)


@pytest.fixture
def watch(pocketaws) -> Watch:
    return Watch(pocketaws)


@pytest.mark.pocketaws
def test_an_alarm_on_one_endpoint_ignores_the_data_of_another(watch):
    ours, other = watch.alarm("A"), watch.alarm("B")
    watch.put("B", 100)
    watch.until(other, ALARM)
    watch.until(ours, OK)
    time.sleep(1.5)
    assert watch.state(ours) == OK


@pytest.mark.pocketaws
def test_an_alarm_without_dimensions_is_not_judged_by_metrics_that_have_some(watch):
    watch.put("B", 100)
    alarm = watch.alarm("A", Dimensions=[])
    time.sleep(1.5)
    assert watch.state(alarm) == INSUFFICIENT_DATA
    assert "names no dimensions" in watch.aws.output()


@pytest.mark.pocketaws
def test_two_of_three_periods_make_an_alarm_and_one_does_not(watch):
    two, three = (
        watch.alarm("A", EvaluationPeriods=3, DatapointsToAlarm=needed, TreatMissingData="missing") for needed in (2, 3)
    )
    for minutes_ago, value in ((3, 9), (2, 0), (1, 9)):
        watch.put("A", value, minutes_ago)
    watch.until(two, ALARM)
    watch.until(three, OK)


@pytest.mark.pocketaws
@pytest.mark.parametrize(("missing", "state"), [("breaching", ALARM), ("notBreaching", OK), ("ignore", OK)])
def test_missing_data_are_treated_as_the_alarm_says(watch, missing, state):
    alarm = watch.alarm("A", TreatMissingData=missing)
    if missing == "ignore":
        watch.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=OK, StateReason="set by hand")
    watch.until(alarm, state)
    time.sleep(1)
    assert watch.state(alarm) == state


@pytest.mark.pocketaws
def test_a_percentile_is_evaluated(watch):
    watch.cloudwatch.put_metric_alarm(
        AlarmName=f"{watch.name}-p90", Namespace=watch.name, MetricName="errors", ExtendedStatistic="p90", Period=60,
        Dimensions=[{"Name": "Endpoint", "Value": "A"}], EvaluationPeriods=1, Threshold=80,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    for value in range(1, 101):
        watch.put("A", value, 1)
    watch.until(f"{watch.name}-p90", ALARM)


@pytest.mark.pocketaws
def test_a_change_fires_the_action_to_sns_and_an_event_once_each(watch):
    aws, name = watch.aws, watch.name
    sqs, sns, events = aws.client("sqs"), aws.client("sns"), aws.client("events")

    def queue(suffix):
        url = sqs.create_queue(QueueName=f"{name}-{suffix}")["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    (mail, mail_arn), (bus, bus_arn) = queue("mail"), queue("bus")
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mail_arn)
    alarm = watch.alarm("A", AlarmActions=[topic], TreatMissingData="missing")
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
    events.put_rule(Name=name, EventPattern=json.dumps({**pattern, "detail": {"alarmName": [alarm]}}))
    events.put_targets(Rule=name, Targets=[{"Id": "bus", "Arn": bus_arn}])
    watch.put("A", 6)
    watch.until(alarm, ALARM)
    time.sleep(1.5)

    def received(url):
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    (message,) = [json.loads(mail_["Message"]) for mail_ in received(mail)]
    assert (message["AlarmName"], message["NewStateValue"]) == (alarm, ALARM)
    (event,) = received(bus)
    assert event["source"] == "aws.cloudwatch"
    assert event["detail"]["state"]["value"] == ALARM
    assert event["detail"]["previousState"]["value"] == INSUFFICIENT_DATA
    (metric,) = event["detail"]["configuration"]["metrics"]
    assert metric["metricStat"]["metric"]["dimensions"] == {"Endpoint": "A"}
    assert event["resources"][0].endswith(f":alarm:{alarm}")


@pytest.mark.pocketaws
def test_a_state_set_by_hand_is_undone_by_the_next_evaluation(watch):
    alarm = watch.alarm("A")
    watch.until(alarm, OK)
    watch.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=ALARM, StateReason="to see what happens")
    watch.until(alarm, OK)


@pytest.mark.pocketaws
def test_a_composite_follows_its_children(watch):
    child = watch.alarm("A")
    composite = f"{watch.name}-composite"
    watch.cloudwatch.put_composite_alarm(AlarmName=composite, AlarmRule=f'ALARM("{child}")')
    watch.put("A", 6)
    watch.until(child, ALARM)
    answer = watch.cloudwatch.describe_alarms(AlarmNames=[composite], AlarmTypes=["CompositeAlarm"])
    (found,) = answer["CompositeAlarms"]
    assert found["StateValue"] == ALARM
