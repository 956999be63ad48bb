"""kill -9 takes no endpoint, no captured request, and leaves no process behind."""

from __future__ import annotations

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


def test_an_update_that_was_cut_off_leaves_the_last_good_configuration_in_service(hosting_alone):
    before = hosting_alone.config(VERSION="1")
    name = hosting_alone.create(before)
    hosting_alone.update(name, hosting_alone.config(VERSION="2", PING_AFTER="30"))
    assert hosting_alone.describe(name)["EndpointStatus"] == "Updating"
    hosting_alone.aws.restart()
    found = hosting_alone.describe(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
    assert "ended during the update" in found["FailureReason"]
    assert hosting_alone.ask(name)["version"] == "1"


def test_a_rolling_update_that_was_cut_off_half_way_is_whole_again_under_the_old_configuration(hosting_alone):
    before = hosting_alone.config({"InitialInstanceCount": 4}, VERSION="1")
    name = hosting_alone.create(before)
    policy = {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 600}
    green = hosting_alone.config({"InitialInstanceCount": 4}, VERSION="2")
    hosting_alone.update(name, green, DeploymentConfig={"RollingUpdatePolicy": policy})
    hosting_alone.until(name, lambda found: found["ProductionVariants"][0]["CurrentInstanceCount"] == 2)
    hosting_alone.aws.restart()
    found = hosting_alone.describe(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 4
    assert {hosting_alone.ask(name)["version"] for _ in range(10)} == {"1"}


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
