"""A past made of real captures."""

from __future__ import annotations

import json
import re

import pytest

from loanapp import history, traffic
from loanapp.cloud import split

pytestmark = pytest.mark.pocketaws

KEY = re.compile(r"capture/loan-approval/AllTraffic/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl")


@pytest.fixture(scope="module")
def stranger(cloud, served, small_story):
    """A request of somebody else's, before the past is made."""
    runtime = cloud.runtime
    line = small_story.present[0].line
    runtime.invoke_endpoint(EndpointName=served.name, ContentType="text/csv", InferenceId="stranger", Body=line)
    return "stranger"


@pytest.fixture(scope="module")
def laid(cloud, served, small_story, stranger):
    answered = []
    keys = history.make(cloud, served, small_story.hours, done=answered.append)
    assert sum(answered) == sum(len(hour.applications) for hour in small_story.hours)
    return keys


def records(cloud, keys):
    return [(key, json.loads(line)) for key in keys for line in cloud.read("endpointwatch", key).decode().splitlines()]


def test_every_request_lies_in_its_hour_and_in_sagemakers_layout(cloud, small_story, laid):
    found = {}
    for key, record in records(cloud, laid):
        assert KEY.fullmatch(key)
        metadata = record["eventMetadata"]
        assert metadata["inferenceId"] not in found
        found[metadata["inferenceId"]] = (key, record)
    assert len({record["eventMetadata"]["eventId"] for _, record in found.values()}) == len(found)
    for hour in small_story.hours:
        for application in hour.applications:
            key, record = found.pop(application.inference_id)
            assert f"/AllTraffic/{hour.window.start:%Y/%m/%d/%H}/" in key
            assert record["eventMetadata"]["inferenceTime"].startswith(f"{hour.window.start:%Y-%m-%dT%H}:")
            capture = record["captureData"]
            assert capture["endpointInput"]["data"].rstrip("\n") == application.line
            assert capture["endpointInput"]["encoding"] == capture["endpointOutput"]["encoding"] == "CSV"
            assert 0.0 <= float(capture["endpointOutput"]["data"]) <= 1.0
            assert record["eventVersion"] == "0"
    assert not found


def test_the_present_is_left_clean_except_for_what_is_not_ours(cloud, served, laid, stranger):
    every = cloud.keys(f"{served.capture.destination_uri}/{served.name}")
    others = sorted(set(every) - set(laid))
    left = [record["eventMetadata"]["inferenceId"] for _, record in records(cloud, others)]
    assert left == [stranger]


def test_the_labels_of_an_hour_are_model_monitors_ground_truth_records(cloud, served, small_story, laid):
    for hour in small_story.hours:
        bucket, prefix = split(f"{served.training_labels}/{hour.window.start:%Y/%m/%d/%H}")
        lines = cloud.read(bucket, f"{prefix}/decisions.jsonl").decode().splitlines()
        said = {
            record["eventMetadata"]["eventId"]: record["groundTruthData"]
            for record in map(json.loads, lines)
            if record["eventVersion"] == "0"
        }
        assert said == {
            application.inference_id: {"data": application.label, "encoding": "CSV"}
            for application in hour.labelled_at_once
        }


def test_captures_that_do_not_come_are_an_error_that_names_them_and_the_remedy(cloud, served, laid):
    with pytest.raises(history.HistoryError, match=r"1 of 1 .* 'never-sent'.*loan-approval__onboard"):
        history.wait_for_captures(cloud, served, {"never-sent"}, timeout=0)


def test_a_request_that_the_endpoint_refuses_names_the_application(cloud, served, small_story):
    application = small_story.present[0]
    broken = type(application)("loan-broken", "not,a,row", "1")
    with pytest.raises(traffic.TrafficError, match="loan-broken"):
        traffic.invoke(cloud, served.name, [application, broken])
