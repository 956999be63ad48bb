"""What an endpoint captures lies in S3 in SageMaker's layout and records."""

from __future__ import annotations

import base64
import datetime as dt
import re
import time

import pytest

pytestmark = pytest.mark.pocketaws

KEY = re.compile(
    r"captured/(?P<endpoint>[^/]+)/(?P<variant>[^/]+)/(?P<hour>\d{4}/\d\d/\d\d/\d\d)/"
    r"(?P<minute>\d\d)-(?P<second>\d\d)-\d{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl"
)


def test_the_key_names_endpoint_variant_and_the_hour_of_the_invocation(hosting):
    bucket = hosting.bucket()
    name = hosting.create(hosting.config(capture=hosting.capture(bucket)))
    hosting.ask(name, "1,2\n", ContentType="text/csv", InferenceId="id-1", CustomAttributes="a=b")
    ((key, (record,)),) = hosting.captured(bucket, 1).items()
    parts = KEY.fullmatch(key)
    assert parts, key
    at = dt.datetime.strptime(record["eventMetadata"]["inferenceTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
    assert (parts["endpoint"], parts["variant"]) == (name, "AllTraffic")
    assert (parts["hour"], parts["minute"], parts["second"]) == (at.strftime("%Y/%m/%d/%H"), f"{at:%M}", f"{at:%S}")
    assert abs(dt.datetime.now(dt.UTC) - at) < dt.timedelta(minutes=1)
    assert record["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "1,2\n",
        "encoding": "CSV",
    }
    assert record["captureData"]["endpointOutput"]["encoding"] == "JSON"
    assert record["eventMetadata"]["inferenceId"] == "id-1"
    assert record["eventMetadata"]["customAttributes"] == ["a=b"]
    assert record["eventVersion"] == "0"


def test_bytes_of_an_unlisted_type_are_kept_exactly(hosting):
    bucket = hosting.bucket()
    name = hosting.create(hosting.config(capture=hosting.capture(bucket, CaptureOptions=[{"CaptureMode": "Input"}])))
    payload = bytes(range(256))
    hosting.runtime.invoke_endpoint(EndpointName=name, Body=payload, ContentType="application/x-npy")
    ((record,),) = hosting.captured(bucket, 1).values()
    assert set(record["captureData"]) == {"endpointInput"}
    given = record["captureData"]["endpointInput"]
    assert (given["encoding"], base64.b64decode(given["data"])) == ("BASE64", payload)


@pytest.mark.parametrize("change", [{"EnableCapture": False}, {"InitialSamplingPercentage": 0}], ids=str)
def test_nothing_is_captured_when_capture_is_off_or_samples_nothing(hosting, change):
    bucket = hosting.bucket()
    name = hosting.create(hosting.config(capture=hosting.capture(bucket, **change)))
    for _ in range(30):
        hosting.ask(name)
    time.sleep(1.5)
    assert hosting.captured(bucket, 0) == {}
    status = hosting.describe(name)["DataCaptureConfig"]["CaptureStatus"]
    assert status == ("Stopped" if "EnableCapture" in change else "Started")


def test_a_sample_is_about_as_large_as_asked_for(hosting):
    bucket = hosting.bucket()
    name = hosting.create(hosting.config(capture=hosting.capture(bucket, InitialSamplingPercentage=30)))
    for _ in range(400):
        hosting.ask(name)
    time.sleep(1.5)
    # Binomial with p = 0.3: 120 expected, standard deviation 9.2; five of them either way.
    assert 74 < sum(map(len, hosting.captured(bucket, 0).values())) < 166


def test_what_the_model_refuses_is_not_captured(hosting):
    bucket = hosting.bucket()
    name = hosting.create(hosting.config(capture=hosting.capture(bucket)))
    with pytest.raises(hosting.runtime.exceptions.ModelError):
        hosting.ask(name, "status 400")
    hosting.ask(name, "fine")
    time.sleep(1)
    assert sum(map(len, hosting.captured(bucket, 1).values())) == 1
