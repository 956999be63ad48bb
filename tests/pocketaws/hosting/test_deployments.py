"""What an update with a DeploymentConfig does on its way, and how it comes back."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws


def percent(value):
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def rolling(wait, alarms=(), **more):
    return {
        "RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": wait, **more},
        **rollback_by(*alarms),
    }


def canary(wait, *alarms):
    routing = {"Type": "CANARY", "CanarySize": percent(50), "WaitIntervalInSeconds": wait}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}, **rollback_by(*alarms)}


def rollback_by(*alarms):
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}} if alarms else {}


def alarm_on_errors(hosting, endpoint, **more):
    """An alarm on the endpoint's own 5XX errors, as the endpoint's metrics in CloudWatch tell them."""
    name = f"{endpoint}-5xx"
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}]
    hosting.aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching", **{"Dimensions": dimensions, **more},
    )  # fmt: skip
    return name


def status_of(found):
    (variant,) = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])
    return [status["Status"] for status in variant.get("VariantStatus", [])]


def test_a_rolling_update_replaces_instances_by_batches_and_nobody_sees_an_error(hosting, traffic_on):
    name = hosting.create(hosting.config({"InitialInstanceCount": 4}, VERSION="1"))
    green = hosting.config({"InitialInstanceCount": 4}, VERSION="2")
    with traffic_on(name) as traffic:
        hosting.update(name, green, DeploymentConfig=rolling(2))
        half = hosting.until(name, lambda found: status_of(found) == ["Baking"])
        found = hosting.settled(name)
    (new,), (old,) = half["PendingDeploymentSummary"]["ProductionVariants"], half["ProductionVariants"]
    assert half["PendingDeploymentSummary"]["EndpointConfigName"] == green
    assert (new["CurrentInstanceCount"], new["DesiredInstanceCount"]) == (2, 4)
    assert old["CurrentInstanceCount"] == 2
    assert "PendingDeploymentSummary" not in found
    assert (found["EndpointConfigName"], found["ProductionVariants"][0]["CurrentInstanceCount"]) == (green, 4)
    assert set(traffic.versions) == {"1", "2"}
    assert traffic.errors == []


def test_linear_steps_raise_the_new_version_s_share_one_by_one(hosting, traffic_on):
    name = hosting.create(VERSION="1")
    routing = {"Type": "LINEAR", "LinearStepSize": percent(33), "WaitIntervalInSeconds": 2}
    shares = []
    with traffic_on(name) as traffic:
        hosting.update(
            name, hosting.config(VERSION="2"),
            DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
        )  # fmt: skip
        hosting.until(name, lambda found: status_of(found) == ["Baking"])
        while hosting.describe(name)["EndpointStatus"] == "Updating":
            before = traffic.versions.copy()
            time.sleep(0.4)
            during = traffic.versions - before
            shares.append(during["2"] / max(sum(during.values()), 1))
        hosting.settled(name)
    assert traffic.errors == []
    assert min(shares) < 0.5 < max(shares)
    # A share measured over 0.4 s scatters; that it went up by steps shows in thirds of the way.
    third = len(shares) // 3
    first, last = shares[:third], shares[-third:]
    assert sum(first) / len(first) < sum(last) / len(last)


def test_a_version_that_answers_500_is_rolled_back_by_the_endpoint_s_own_metric(hosting, traffic_on):
    before = hosting.config(VERSION="1")
    name = hosting.create(before)
    alarm = alarm_on_errors(hosting, name)
    with traffic_on(name) as traffic:
        hosting.update(name, hosting.config(VERSION="2", FAIL="500"), DeploymentConfig=canary(120, alarm))
        hosting.until(name, lambda found: found["EndpointStatus"] == "InService")
        errors, answered = len(traffic.errors), traffic.versions["1"]
        time.sleep(1)
    found = hosting.describe(name)
    assert found["EndpointConfigName"] == before
    assert alarm in found["FailureReason"]
    assert "PendingDeploymentSummary" not in found
    # Only the canary's share has seen errors, and nobody after the rollback; the old version answered throughout.
    assert errors
    assert len(traffic.errors) - errors <= 4  # requests that were under way
    assert traffic.versions["1"] > answered
    assert set(traffic.versions) == {"1"}


def test_during_an_update_the_metrics_tell_the_fleets_apart(hosting, traffic_on):
    before, after = hosting.config(VERSION="1"), hosting.config(VERSION="2", FAIL="500")
    name = hosting.create(before)
    dimensions = [
        {"Name": "EndpointName", "Value": name},
        {"Name": "VariantName", "Value": "AllTraffic"},
        {"Name": "EndpointConfigName", "Value": after},
    ]
    alarm = alarm_on_errors(hosting, name, Dimensions=dimensions)
    with traffic_on(name):
        hosting.update(name, after, DeploymentConfig=canary(120, alarm))
        assert hosting.settled(name)["EndpointConfigName"] == before
    seen = hosting.aws.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors")
    configs = {
        dimension["Value"]
        for metric in seen["Metrics"]
        if {"Name": "EndpointName", "Value": name} in metric["Dimensions"]
        for dimension in metric["Dimensions"]
        if dimension["Name"] == "EndpointConfigName"
    }
    assert configs == {before, after}


@pytest.fixture
def statuses(hosting):
    """The statuses that EventBridge tells of an endpoint, in order, once one of them is as wanted."""
    sqs, events, name = hosting.aws.client("sqs"), hosting.aws.client("events"), hosting.name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def until(endpoint, *wanted):
        seen, end = [], time.monotonic() + 30
        while [status for status, _ in seen[-len(wanted) :]] != list(wanted):
            assert time.monotonic() < end, seen
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                told = json.loads(message["Body"])
                if told["detail"]["EndpointName"] == endpoint:
                    seen.append((told["detail"]["EndpointStatus"], int(told["detail"]["LastModifiedTime"])))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            # A queue need not keep the order of what is sent to it.
            seen.sort(key=lambda found: found[1])
        return [status for status, _ in seen]

    yield until
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)


def test_an_update_that_is_rolled_back_says_so_on_its_way_and_gives_the_old_instances_back(
    hosting, traffic_on, statuses
):
    name = hosting.create(hosting.config({"InitialInstanceCount": 4}, VERSION="1"))
    alarm = alarm_on_errors(hosting, name)
    with traffic_on(name):
        green = hosting.config({"InitialInstanceCount": 4}, VERSION="2", FAIL="500")
        hosting.update(name, green, DeploymentConfig=rolling(120, alarms=[alarm]))
        # The way back takes milliseconds here; who polls may miss it, the events do not.
        assert statuses(name, "UPDATING", "ROLLING_BACK", "IN_SERVICE")
    found = hosting.describe(name)
    assert alarm in found["FailureReason"]
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 4


def test_the_last_deployment_config_is_used_again_where_asked(hosting):
    name = hosting.create(VERSION="1")
    hosting.update(name, hosting.config(VERSION="2"), DeploymentConfig=canary(1))
    config = hosting.settled(name)["LastDeploymentConfig"]
    hosting.update(name, hosting.config(VERSION="3"), RetainDeploymentConfig=True)
    hosting.until(name, lambda found: status_of(found) == ["Baking"])
    assert hosting.settled(name)["LastDeploymentConfig"] == config


def shadowed(hosting, bucket, weight=1.0, **environment):
    """A configuration whose shadow gets copies of ``weight`` of the requests."""
    first, second = hosting.config(VERSION="1"), hosting.config(VERSION="2", **environment)
    variants = [
        hosting.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
        for config in (first, second)
    ]
    name = hosting.name()
    hosting.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variants[0]],
        ShadowProductionVariants=[{**variants[1], "VariantName": "Shadow", "InitialVariantWeight": weight}],
        DataCaptureConfig=hosting.capture(bucket),
    )  # fmt: skip
    return name


def test_a_shadow_gets_a_copy_of_every_request_and_its_answers_go_to_nobody(hosting):
    bucket = hosting.bucket()
    name = hosting.create(shadowed(hosting, bucket))
    answers = [hosting.ask(name, f"call {number}", InferenceId=f"call-{number}") for number in range(20)]
    assert {(answer["version"], answer["variant"]) for answer in answers} == {("1", "AllTraffic")}
    assert [variant["VariantName"] for variant in hosting.describe(name)["ShadowProductionVariants"]] == ["Shadow"]
    captured = hosting.captured(bucket, 40)
    by_variant = {}
    for key, records in captured.items():
        by_variant.setdefault(key.split("/")[2], []).extend(record["eventMetadata"] for record in records)
    assert {variant: len(records) for variant, records in by_variant.items()} == {"AllTraffic": 20, "Shadow": 20}
    assert {record.get("invocationSource") for record in by_variant["Shadow"]} == {"ShadowExperiment"}
    assert {record.get("invocationSource") for record in by_variant["AllTraffic"]} == {None}
    assert {r["inferenceId"] for r in by_variant["Shadow"]} == {r["inferenceId"] for r in by_variant["AllTraffic"]}


def test_a_shadow_that_fails_or_hangs_is_seen_by_no_client(hosting, traffic_on):
    name = hosting.create(shadowed(hosting, hosting.bucket(), FAIL="500"))
    with traffic_on(name) as traffic:
        time.sleep(1)
    assert traffic.errors == []
    assert set(traffic.versions) == {"1"}


def test_a_shadow_s_weight_is_the_share_of_requests_that_it_gets(hosting):
    bucket = hosting.bucket()
    name = hosting.create(shadowed(hosting, bucket, weight=0.25))
    for number in range(200):
        hosting.ask(name, f"call {number}")
    hosting.captured(bucket, 205)
    time.sleep(1)
    copies = sum(map(len, hosting.captured(bucket, 0, prefix=f"{name}/Shadow/").values()))
    assert 25 <= copies <= 80


def test_only_one_shadow_beside_one_variant_is_taken(hosting):
    config = shadowed(hosting, hosting.bucket())
    described = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    (shadow,) = described["ShadowProductionVariants"]
    with pytest.raises(ClientError, match="only one production variant and one shadow variant"):
        hosting.sagemaker.create_endpoint_config(
            EndpointConfigName=hosting.name(), ProductionVariants=described["ProductionVariants"],
            ShadowProductionVariants=[shadow, {**shadow, "VariantName": "Second"}],
        )  # fmt: skip


def test_a_deployment_is_whole_after_a_shadow_is_taken_away(hosting, traffic_on):
    name = hosting.create(shadowed(hosting, hosting.bucket()))
    with traffic_on(name) as traffic:
        hosting.update(name, hosting.config(VERSION="2"))
        found = hosting.settled(name)
    assert "ShadowProductionVariants" not in found
    assert traffic.errors == []


def test_scaling_by_targets_is_honestly_not_emulated(hosting):
    scaling = hosting.aws.client("application-autoscaling")
    with pytest.raises(ClientError) as raised:
        scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "not emulated" in str(raised.value)
