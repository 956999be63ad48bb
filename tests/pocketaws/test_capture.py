"""Captured records are SageMaker's: schema, encodings, files by hour, nothing lost and nothing twice."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketaws.capture import Capture, Exchange, document, encoding

LISTS = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json", "application/jsonlines"]}
CONFIG = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/prefix/",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": LISTS,
}
# A record as captured on AWS (aws/sagemaker-python-sdk, tests/data/monitor/captured-data.jsonl), data shortened.
ON_AWS = (
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"80,1056736,3",'
    '"encoding":"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT","data":"4",'
    '"encoding":"CSV"}},"eventMetadata":{"eventId":"1e4cf25e-310d-4ee1-8b72-1d1ee7cf3a1c",'
    '"inferenceTime":"2020-01-06T13:42:44Z"},"eventVersion":"0"}'
)


def exchange(at=1578318164.25, request=b"80,1056736,3", response=b"4", **changes):
    given_ = {
        "endpoint": "ep", "variant": "AllTraffic", "at": at, "request_type": "text/csv", "request": request,
        "response_type": "text/csv; charset=utf-8", "response": response,
    }  # fmt: skip
    return Exchange(**{**given_, **changes})


def test_a_record_equals_one_captured_on_aws_member_for_member_and_in_their_order():
    expected = json.loads(ON_AWS)
    found = document(CONFIG, exchange())
    found["eventMetadata"]["eventId"] = expected["eventMetadata"]["eventId"]
    assert json.dumps(found, separators=(",", ":")) == ON_AWS


def test_ids_and_attributes_are_there_only_when_the_caller_gave_them():
    metadata = document(CONFIG, exchange(inference_id="i", custom_attributes="a=b"))["eventMetadata"]
    assert (metadata["inferenceId"], metadata["customAttributes"]) == ("i", ["a=b"])
    assert set(document(CONFIG, exchange())["eventMetadata"]) == {"eventId", "inferenceTime"}


@pytest.mark.parametrize(
    ("modes", "sides"),
    [
        (["Input"], {"endpointInput"}),
        (["Output"], {"endpointOutput"}),
        (["Input", "Output"], {"endpointInput", "endpointOutput"}),
        (["InputAndOutput"], {"endpointInput", "endpointOutput"}),
    ],
)
def test_the_sides_are_those_of_the_capture_options(modes, sides):
    config = {**CONFIG, "CaptureOptions": [{"CaptureMode": mode} for mode in modes]}
    assert set(document(config, exchange())["captureData"]) == sides


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("text/csv", "CSV"),
        ("text/csv; charset=utf-8", "CSV"),
        ("Text/CSV", "CSV"),
        ("application/json", "JSON"),
        ("application/jsonlines", "JSON"),
        ("text/html; charset=utf-8", "BASE64"),
        ("application/x-npy", "BASE64"),
        ("", "BASE64"),
        (None, "BASE64"),
    ],
)
def test_the_encoding_follows_the_lists_of_content_types(header, kind):
    assert encoding(LISTS, header) == kind


def test_without_lists_everything_is_base64_as_the_api_reference_says():
    assert encoding({}, "text/csv") == "BASE64"
    found = document({**CONFIG, "CaptureContentTypeHeader": {}}, exchange())["captureData"]["endpointInput"]
    assert found["data"] == base64.b64encode(b"80,1056736,3").decode()


@given(payload=st.binary(max_size=200), header=st.sampled_from(["text/csv", "application/json", "image/png"]))
def test_every_payload_can_be_had_back_byte_for_byte(payload, header):
    side = document(CONFIG, exchange(request=payload, request_type=header))["captureData"]["endpointInput"]
    data = json.loads(json.dumps(side))["data"]
    assert (base64.b64decode(data) if side["encoding"] == "BASE64" else data.encode()) == payload


class Bucket:
    """Takes objects as S3 does; refuses them while it is down."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = False

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - boto3's own names
        if self.down:
            raise ConnectionError("down")
        self.objects[f"{Bucket}/{Key}"] = Body

    def records(self) -> list[dict]:
        return [json.loads(line) for body in self.objects.values() for line in body.decode().splitlines()]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def begin(tmp_path, bucket):
    """A capture over the same state, as after a restart."""
    world = SimpleNamespace(settings=SimpleNamespace(home=tmp_path, flush_seconds=60), aws=lambda _: bucket)
    return lambda: Capture(world)


HOUR = dt.datetime(2026, 3, 1, 14, 0, tzinfo=dt.UTC).timestamp()


def test_a_batch_that_straddles_an_hour_goes_to_the_file_of_each_hour(begin, bucket):
    capture = begin()
    for at in (HOUR - 0.002, HOUR - 0.001, HOUR, HOUR + 0.5):
        capture.record(CONFIG, exchange(at=at))
    capture.close()
    by_hour = {key.rpartition("/")[0]: body.decode().count("\n") for key, body in bucket.objects.items()}
    folder = "bucket/prefix/ep/AllTraffic/2026/03/01"
    assert by_hour == {f"{folder}/13": 2, f"{folder}/14": 2}
    assert {key.rpartition("/")[2][:9] for key in bucket.objects} == {"59-59-998", "00-00-000"}


@given(times=st.lists(st.floats(HOUR - 7200, HOUR + 7200), min_size=1, max_size=30))
def test_every_record_lies_in_the_hour_of_its_own_time_exactly_once(tmp_path_factory, times):
    bucket = Bucket()
    home = tmp_path_factory.mktemp("capture")
    world = SimpleNamespace(settings=SimpleNamespace(home=home, flush_seconds=60), aws=lambda _: bucket)
    capture = Capture(world)
    for number, at in enumerate(times):
        capture.record(CONFIG, exchange(at=at, inference_id=str(number)))
        if number % 7 == 0:
            capture.flush()
    capture.close()
    found = Counter()
    for key, body in bucket.objects.items():
        for line in body.decode().splitlines():
            metadata = json.loads(line)["eventMetadata"]
            at = dt.datetime.fromtimestamp(times[int(metadata["inferenceId"])], dt.UTC)
            assert key.startswith(f"bucket/prefix/ep/AllTraffic/{at:%Y/%m/%d/%H}/")
            found[metadata["inferenceId"]] += 1
    assert found == Counter(map(str, range(len(times))))


def test_what_a_killed_process_left_is_brought_by_the_next_one(begin, bucket):
    killed = begin()
    for number in range(5):
        killed.record(CONFIG, exchange(inference_id=str(number)))
    # No close: the process is gone. Half a line is what a kill may leave.
    (spool,) = killed._folder.glob("*.spool")
    with spool.open("a") as file:
        file.write('["s3://bucket/pre')
    begin().flush()
    assert [record["eventMetadata"]["inferenceId"] for record in bucket.records()] == list("01234")


def test_a_destination_that_fails_for_a_while_loses_nothing_and_gets_nothing_twice(begin, bucket, capfd):
    capture = begin()
    capture.record(CONFIG, exchange(inference_id="0"))
    bucket.down = True
    capture.flush()
    capture.record(CONFIG, exchange(inference_id="1"))
    capture.flush()
    assert bucket.objects == {}
    assert "cannot be written to s3://bucket/prefix/ep" in capfd.readouterr().err
    bucket.down = False
    capture.flush()
    capture.flush()
    assert sorted(record["eventMetadata"]["inferenceId"] for record in bucket.records()) == ["0", "1"]


def test_a_kill_between_writing_to_s3_and_forgetting_gives_no_second_copy(begin, bucket):
    capture = begin()
    capture.record(CONFIG, exchange(inference_id="0"))
    (spool,) = capture._folder.glob("*.spool")
    kept = spool.read_bytes()
    capture.flush()
    spool.write_bytes(kept)  # as if the process had been killed before it could remove the file
    begin().flush()
    assert len(bucket.objects) == len(bucket.records()) == 1


OFF = [None, {**CONFIG, "EnableCapture": False}, {**CONFIG, "InitialSamplingPercentage": 0}]


@pytest.mark.parametrize("config", OFF)
def test_nothing_is_captured_unless_capture_is_on(begin, bucket, config):
    capture = begin()
    for _ in range(50):
        capture.record(config, exchange())
    capture.close()
    assert bucket.objects == {}
