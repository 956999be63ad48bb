"""Changes of state reach EventBridge's rules, and through them a queue, as AWS words them."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.pocketaws


@pytest.fixture
def received(pocketaws, unique):
    """All events of ``aws.sagemaker`` that a rule delivers to a queue of the test's own, until one is as wanted."""
    sqs, events = pocketaws.client("sqs"), pocketaws.client("events")
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=unique, EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule=unique, Targets=[{"Id": "queue", "Arn": arn}])
    seen: list[dict] = []

    def until(wanted) -> list[dict]:
        end = time.monotonic() + 30
        while not any(wanted(event) for event in seen):
            assert time.monotonic() < end, seen
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
                "Messages", []
            ):
                seen.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return seen

    yield until
    events.remove_targets(Rule=unique, Ids=["queue"])
    events.delete_rule(Name=unique)


def of(events: list[dict], detail_type: str, member: str, name: str) -> list[dict]:
    return [e for e in events if e["detail-type"] == detail_type and e["detail"].get(member) == name]


def test_a_processing_job_says_when_it_begins_and_when_it_has_failed(jobs, received, unique):
    jobs.process(unique, "import sys; sys.exit(1)")
    seen = received(lambda e: e["detail"].get("ProcessingJobStatus") == "Failed")
    mine = of(seen, "SageMaker Processing Job State Change", "ProcessingJobName", unique)
    assert [event["detail"]["ProcessingJobStatus"] for event in mine] == ["InProgress", "Failed"]
    last = mine[-1]
    assert last["source"] == "aws.sagemaker"
    assert last["resources"] == [jobs.processing(unique)["ProcessingJobArn"]]
    assert last["account"] == "123456789012"
    assert last["detail"]["FailureReason"] == jobs.processing(unique)["FailureReason"]
    created = jobs.processing(unique)["CreationTime"].timestamp()
    assert int(last["detail"]["CreationTime"]) == round(created * 1000)


def test_a_training_job_says_every_secondary_status(jobs, bucket, received, unique):
    jobs.train(unique, "pass", f"s3://{bucket}/m")
    seen = received(lambda e: e["detail"].get("TrainingJobStatus") == "Completed")
    mine = of(seen, "SageMaker Training Job State Change", "TrainingJobName", unique)
    statuses = [event["detail"]["SecondaryStatus"] for event in mine]
    assert statuses == ["Pending", "Starting", "Downloading", "Training", "Uploading", "Completed"]


def test_the_approval_of_a_model_package_is_an_event(pocketaws, received, unique):
    sagemaker = pocketaws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    arn = sagemaker.create_model_package(ModelPackageGroupName=unique)["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    seen = received(lambda e: e["detail"].get("ModelApprovalStatus") == "Approved")
    mine = of(seen, "SageMaker Model Package State Change", "ModelPackageGroupName", unique)
    assert [event["detail"]["ModelApprovalStatus"] for event in mine] == ["PendingManualApproval", "Approved"]
    assert {event["detail"]["ModelPackageVersion"] for event in mine} == {1}


def test_nobody_from_outside_can_speak_for_sagemaker(pocketaws):
    entry = {"Source": "aws.sagemaker", "DetailType": "SageMaker Model State Change", "Detail": "{}"}
    answer = pocketaws.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 1
