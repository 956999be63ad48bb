"""kill -9 takes no endpoint, no captured request, and leaves no process behind."""

from __future__ import annotations

import datetime as dt
import signal
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.pocketaws


def gone(pid: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def test_endpoints_serve_again_after_a_kill_even_without_their_config_and_model(hosting_alone):
    bucket = hosting_alone.bucket()
    # The base emulator forgets a bucket that is new and empty when it is killed; that is not what is tested here.
    hosting_alone.aws.client("s3").put_object(Bucket=bucket, Key="first", Body=b"")
    config = hosting_alone.config(capture=hosting_alone.capture(bucket), VERSION="1")
    name = hosting_alone.create(config)
    hosting_alone.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    hosting_alone.sagemaker.delete_model(ModelName=f"{config}-0")
    pid = hosting_alone.ask(name)["pid"]
    for number in range(40):
        hosting_alone.ask(name, InferenceId=f"call-{number}")
    hosting_alone.aws.kill()
    assert gone(pid), "the model server outlived the local AWS"

    hosting_alone.aws.start()
    found = hosting_alone.describe(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
    seen = hosting_alone.ask(name, InferenceId="afterwards")
    assert (seen["version"], seen["pid"] != pid) == ("1", True)
    records = [record for lines in hosting_alone.captured(bucket, 42).values() for record in lines]
    ids = [record["eventMetadata"].get("inferenceId") for record in records]
    assert sorted(filter(None, ids)) == sorted([*(f"call-{number}" for number in range(40)), "afterwards"])
    assert len(records) == 42


def test_an_update_that_was_cut_off_is_begun_anew_and_the_old_configuration_serves_meanwhile(hosting_alone):
    before, after = hosting_alone.config(VERSION="1"), hosting_alone.config(VERSION="2", PING_AFTER="2")
    name = hosting_alone.create(before)
    hosting_alone.update(name, after)
    assert hosting_alone.describe(name)["EndpointStatus"] == "Updating"
    hosting_alone.aws.restart()
    assert hosting_alone.ask(name)["version"] == "1"
    found = hosting_alone.describe(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", before)
    assert found["PendingDeploymentSummary"]["EndpointConfigName"] == after
    found = hosting_alone.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", after)
    assert not {"PendingDeploymentSummary", "FailureReason"} & found.keys()
    assert {hosting_alone.ask(name)["version"] for _ in range(10)} == {"2"}


def test_a_canary_that_was_cut_off_is_held_again_as_long_as_it_was_asked_for(hosting_alone):
    name, after = hosting_alone.create(VERSION="1"), hosting_alone.config(VERSION="2")
    half = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "CanarySize": half, "WaitIntervalInSeconds": 2}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0}
    hosting_alone.update(name, after, DeploymentConfig={"BlueGreenUpdatePolicy": policy})
    hosting_alone.until(name, baking)
    hosting_alone.aws.restart()
    hosting_alone.until(name, baking)
    began = time.monotonic()
    assert {hosting_alone.ask(name)["version"] for _ in range(30)} == {"1", "2"}
    found = hosting_alone.settled(name)
    assert time.monotonic() - began > 1.5
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", after)
    assert {hosting_alone.ask(name)["version"] for _ in range(10)} == {"2"}


def test_the_alarm_that_watches_a_canary_rolls_it_back_after_a_restart_too(start_pocketaws, endpoints_of):
    hosting = endpoints_of(start_pocketaws("--save-seconds", "600", images=endpoints_of.images))
    cloudwatch, before = hosting.aws.client("cloudwatch"), hosting.config(VERSION="1")
    name = hosting.create(before)
    metric = {"MetricName": "Errors", "Dimensions": [{"Name": "Endpoint", "Value": name}]}
    cloudwatch.put_metric_alarm(
        AlarmName=f"{name}-errors", Namespace="test", **metric, Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="notBreaching",
    )  # fmt: skip
    half = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "CanarySize": half, "WaitIntervalInSeconds": 600}
    deployment = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": f"{name}-errors"}]},
    }
    hosting.update(name, hosting.config(VERSION="2"), DeploymentConfig=deployment)
    hosting.aws.restart()
    hosting.until(name, baking)
    now = dt.datetime.now(dt.UTC)
    cloudwatch.put_metric_data(Namespace="test", MetricData=[{**metric, "Value": 5, "Timestamp": now}])
    found = hosting.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
    assert f"{name}-errors" in found["FailureReason"]
    assert {hosting.ask(name)["version"] for _ in range(10)} == {"1"}


def test_an_update_with_what_it_retains_is_the_same_after_a_restart(hosting_alone):
    before = hosting_alone.config({"InitialInstanceCount": 3}, VERSION="1")
    after = hosting_alone.config({"InitialInstanceCount": 1}, VERSION="2", PING_AFTER="2")
    name = hosting_alone.create(before)
    hosting_alone.update(name, after, RetainAllVariantProperties=True)
    hosting_alone.aws.restart()
    (variant,) = hosting_alone.settled(name)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 3


def test_an_update_that_fails_after_a_restart_fails_as_it_would_have(hosting_alone):
    before = hosting_alone.config(VERSION="1")
    name = hosting_alone.create(before)
    hosting_alone.update(name, hosting_alone.config(VERSION="2", EXIT="1", PING_AFTER="1.5"))
    hosting_alone.aws.restart()
    found = hosting_alone.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
    assert "did not pass the ping health check" in found["FailureReason"]
    assert hosting_alone.ask(name)["version"] == "1"


def baking(found):
    variants = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
    return any(status["Status"] == "Baking" for variant in variants for status in variant.get("VariantStatus", ()))


def test_a_rolling_update_that_was_cut_off_half_way_begins_anew_with_the_whole_old_fleet(hosting_alone):
    before = hosting_alone.config({"InitialInstanceCount": 4}, VERSION="1")
    name = hosting_alone.create(before)
    policy = {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 600}
    green = hosting_alone.config({"InitialInstanceCount": 4}, VERSION="2")
    hosting_alone.update(name, green, DeploymentConfig={"RollingUpdatePolicy": policy})
    for again in (True, False):
        hosting_alone.until(name, lambda found: found["ProductionVariants"][0]["CurrentInstanceCount"] == 2)
        found = hosting_alone.describe(name)
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", before)
        assert {hosting_alone.ask(name)["version"] for _ in range(30)} == {"1", "2"}
        if again:
            hosting_alone.aws.restart()
            assert hosting_alone.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"] in (2, 4)


def test_a_clean_stop_brings_every_captured_request_to_s3_and_ends_every_model_server(hosting_alone):
    bucket = hosting_alone.bucket()
    name = hosting_alone.create(hosting_alone.config(capture=hosting_alone.capture(bucket)))
    pid = hosting_alone.ask(name)["pid"]
    for _ in range(9):
        hosting_alone.ask(name)
    assert hosting_alone.aws.stop(signal.SIGTERM) == 0
    assert gone(pid, 0)
    assert not list((hosting_alone.aws.home / "capture").glob("*"))
    hosting_alone.aws.start()
    assert sum(map(len, hosting_alone.captured(bucket, 10).values())) == 10


def test_an_endpoint_that_was_being_created_is_created_after_a_kill(hosting_alone):
    name, config = hosting_alone.name(), hosting_alone.config(PING_AFTER="1.5", VERSION="1")
    hosting_alone.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert hosting_alone.describe(name)["EndpointStatus"] == "Creating"
    hosting_alone.aws.restart()
    assert hosting_alone.settled(name)["EndpointStatus"] == "InService"
    assert hosting_alone.ask(name)["version"] == "1"
