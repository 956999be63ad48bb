"""SNS and S3 for real: the decision's message goes through a topic into queues that filter by its attributes."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from airflow_fakes import context, endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import decide
from endpointwatch.monitors.findings import Violation
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.chosen import CHOSEN
from endpointwatch_airflow.operators.notify import NotifyOperator

pytestmark = pytest.mark.pocketaws

WINDOW = Window.model_validate({"start": "2026-03-01T14:00:00Z", "end": "2026-03-01T15:00:00Z"})
VERDICT = Verdict(
    endpoint="loans", monitor="data_quality", window=WINDOW, status="VIOLATIONS", model_version="v1",
    violations=(Violation(feature_name="größe", constraint_check_type="missing_column_check", description="gone"),),
)  # fmt: skip
RULE = {"violations": 1, "windows": 1, "action": "notify"}


@pytest.fixture(autouse=True)
def reached(pocketaws, monkeypatch):
    """The only thing that says where AWS is."""
    for name, value in pocketaws.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def topic(pocketaws):
    """A topic, and a queue for each owner."""
    name = f"alerts-{uuid4().hex[:8]}"
    sns, sqs = pocketaws.client("sns"), pocketaws.client("sqs")
    arn = sns.create_topic(Name=name)["TopicArn"]
    queues = {}
    for audience in ("endpoint_owner", "data_owner"):
        queues[audience] = sqs.create_queue(QueueName=f"{name}-{audience}")["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=queues[audience], AttributeNames=["QueueArn"])["Attributes"]
        wanted = json.dumps({"audiences": [audience]})
        sns.subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint=told["QueueArn"], Attributes={"FilterPolicy": wanted}
        )  # fmt: skip
    return arn, queues


def received(pocketaws: Any, queue: str) -> list[dict[str, Any]]:
    answer = pocketaws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_a_decision_reaches_the_queue_of_its_owner_once_however_often_the_task_runs(pocketaws, topic):
    arn, queues = topic
    bucket = f"loans-{uuid4().hex[:8]}"
    s3 = pocketaws.client("s3")
    s3.create_bucket(Bucket=bucket)
    watched = endpoint(
        results_uri=f"s3://{bucket}/results",
        decision=RULE,
        notifications={"channels": [{"name": "on-call", "kind": "sns", "topic_arn": arn}]},
    )
    decision = decide([VERDICT], watched.rules)
    layout = Layout.of(watched)
    uri = layout.decision(WINDOW, decision.evidence_hash)
    for place, text in {uri: decision.to_json(), layout.verdict("data_quality", WINDOW): VERDICT.to_json()}.items():
        s3.put_object(Bucket=bucket, Key=place.removeprefix(f"s3://{bucket}/"), Body=text.encode())

    for _ in range(2):
        operator = NotifyOperator(task_id="notify", endpoint=watched, aws_conn_id=None)
        text = operator.execute(context(operator, pushed={CHOSEN: {"conf": {"decision": uri}}}))

    (mail,) = received(pocketaws, queues["data_owner"])
    assert mail["Subject"] == "[critical] loans: columns are missing"
    assert mail["Message"] == text
    assert "größe: gone" in text
    assert mail["MessageAttributes"]["severity"] == {"Type": "String", "Value": "critical"}
    assert received(pocketaws, queues["endpoint_owner"]) == []
    record = s3.get_object(
        Bucket=bucket, Key=f"results/loans/notifications/decision-{decision.evidence_hash[:16]}.json"
    )["Body"].read()
    assert json.loads(record)["delivered"] == ["on-call"]
