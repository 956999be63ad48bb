"""UpdateEndpoint is blue/green: nobody who calls meanwhile sees an error, and what fails changes nothing."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws

CALLS, CLIENTS = 1000, 8


def test_a_thousand_calls_from_eight_clients_during_an_update_all_succeed_and_are_all_captured(hosting):
    bucket = hosting.bucket()
    capture = hosting.capture(bucket)
    name = hosting.create(hosting.config(capture=capture, VERSION="1"))
    # The new fleet takes its time, so that the switch falls among the calls.
    green = hosting.config(capture=capture, VERSION="2", PING_AFTER="0.7")
    versions: Counter[str] = Counter()

    def call(number: int) -> None:
        versions[hosting.ask(name, f"call {number}", InferenceId=f"call-{number}")["version"]] += 1

    with ThreadPoolExecutor(CLIENTS) as clients:
        first = [clients.submit(call, number) for number in range(100)]
        hosting.update(name, green)
        rest = [clients.submit(call, number) for number in range(100, CALLS - 100)]
        for done in [*first, *rest]:
            done.result()
        hosting.settled(name)
        for done in [clients.submit(call, number) for number in range(CALLS - 100, CALLS)]:
            done.result()
    assert set(versions) == {"1", "2"}
    assert sum(versions.values()) == CALLS
    records = [record for lines in hosting.captured(bucket, CALLS).values() for record in lines]
    assert len(records) == CALLS
    assert {record["eventMetadata"]["inferenceId"] for record in records} == {f"call-{n}" for n in range(CALLS)}


def test_a_request_under_way_on_the_old_fleet_is_finished_there(hosting, tmp_path):
    name, go = hosting.create(VERSION="1"), tmp_path / "go"
    with ThreadPoolExecutor(1) as client:
        slow = client.submit(hosting.ask, name, f"wait {go}")
        time.sleep(0.3)
        hosting.update(name, hosting.config(VERSION="2"))
        assert hosting.settled(name)["EndpointStatus"] == "InService"
        assert hosting.ask(name)["version"] == "2"
        assert not slow.done()
        go.touch()
        assert slow.result()["version"] == "1"


def test_an_update_that_fails_leaves_the_endpoint_as_it_was_and_says_why(hosting, traffic_on):
    before = hosting.config(VERSION="1")
    name = hosting.create(before)
    with traffic_on(name) as traffic:
        hosting.update(name, hosting.config(VERSION="2", EXIT="1"))
        assert hosting.describe(name)["EndpointStatus"] == "Updating"
        found = hosting.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
    assert "did not pass the ping health check" in found["FailureReason"]
    assert (set(traffic.versions), traffic.errors) == ({"1"}, [])
    # The next one that works takes the reason away.
    hosting.update(name, hosting.config(VERSION="3"))
    assert "FailureReason" not in hosting.settled(name)
    assert hosting.ask(name)["version"] == "3"


def test_an_endpoint_that_is_being_updated_takes_no_second_change(hosting):
    name, config = hosting.create(), hosting.config(PING_AFTER="2")
    hosting.update(name, config)
    for change in (
        lambda: hosting.update(name, config),
        lambda: hosting.sagemaker.delete_endpoint(EndpointName=name),
        lambda: hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 1.0}]
        ),
    ):
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint") as raised:
            change()
        assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert hosting.settled(name)["EndpointConfigName"] == config


def canary(wait: int, *alarms: str, **routing) -> dict:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": wait, **routing,
            },
        },
        **({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}} if alarms else {}),
    }  # fmt: skip


def test_a_canary_takes_its_share_and_then_everything(hosting, traffic_on):
    name = hosting.create(VERSION="1")
    with traffic_on(name) as traffic:
        hosting.update(name, hosting.config(VERSION="2"), DeploymentConfig=canary(3))
        end = time.monotonic() + 20
        while not traffic.versions["2"]:
            assert time.monotonic() < end
            time.sleep(0.05)
        start = Counter(traffic.versions)
        time.sleep(1)
        during = Counter(traffic.versions) - start
        assert hosting.describe(name)["EndpointStatus"] == "Updating"
        hosting.settled(name)
    assert 0.3 < during["2"] / (during["1"] + during["2"]) < 0.7
    assert traffic.errors == []
    assert {hosting.ask(name)["version"] for _ in range(20)} == {"2"}


def test_an_alarm_during_the_canary_rolls_it_back_without_an_error_to_anybody(hosting, traffic_on):
    cloudwatch, name, before = hosting.aws.client("cloudwatch"), hosting.name(), hosting.config(VERSION="1")
    alarm = f"{name}-errors"
    metric = {"MetricName": "Errors", "Dimensions": [{"Name": "Endpoint", "Value": name}]}
    cloudwatch.put_metric_alarm(
        AlarmName=alarm, Namespace="test", **metric, Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="notBreaching",
    )  # fmt: skip
    endpoint = hosting.create(before)
    with traffic_on(endpoint) as traffic:
        hosting.update(endpoint, hosting.config(VERSION="2"), DeploymentConfig=canary(120, alarm))
        while not traffic.versions["2"]:
            time.sleep(0.05)
        now = dt.datetime.now(dt.UTC)
        cloudwatch.put_metric_data(Namespace="test", MetricData=[{**metric, "Value": 5, "Timestamp": now}])
        found = hosting.settled(endpoint)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
    assert alarm in found["FailureReason"]
    assert traffic.errors == []
    assert {hosting.ask(endpoint)["version"] for _ in range(20)} == {"1"}


def test_an_alarm_that_does_not_exist_is_refused_at_once(hosting):
    name = hosting.create()
    with pytest.raises(ClientError, match="no-such-alarm"):
        hosting.update(name, hosting.config(), DeploymentConfig=canary(1, "no-such-alarm"))
    assert hosting.describe(name)["EndpointStatus"] == "InService"


def test_retained_properties_are_those_of_the_live_endpoint(hosting):
    first, second = hosting.bucket(), hosting.bucket()
    name = hosting.create(
        hosting.config({"InitialVariantWeight": 4.0, "InitialInstanceCount": 2}, capture=hosting.capture(first))
    )
    new = hosting.config({"InitialVariantWeight": 9.0, "InitialInstanceCount": 7}, capture=hosting.capture(second))
    hosting.update(
        name, new, RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )  # fmt: skip
    found = hosting.settled(name)
    (variant,) = found["ProductionVariants"]
    assert (found["EndpointConfigName"], variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (new, 4.0, 7)
    assert found["DataCaptureConfig"]["DestinationS3Uri"] == f"s3://{first}/captured"

    hosting.update(
        name, new, RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
    )  # fmt: skip
    assert hosting.settled(name)["DataCaptureConfig"]["DestinationS3Uri"] == f"s3://{second}/captured"
    hosting.ask(name)
    assert hosting.captured(second, 1)
    assert not hosting.captured(first, 0)
