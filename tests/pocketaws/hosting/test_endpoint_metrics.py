"""CloudWatch counts exactly the requests that were made, in the minute in which they were made."""

from __future__ import annotations

import datetime as dt
import time

import pytest

pytestmark = pytest.mark.pocketaws


def values(hosting, name, namespace, metric, statistic="Sum", variant="AllTraffic"):
    now = dt.datetime.now(dt.UTC)
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": variant}]
    (result,) = hosting.aws.client("cloudwatch").get_metric_data(
        StartTime=now - dt.timedelta(minutes=10),
        EndTime=now + dt.timedelta(minutes=1),
        MetricDataQueries=[
            {
                "Id": "q",
                "MetricStat": {
                    "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions},
                    "Period": 60,
                    "Stat": statistic,
                },
            }
        ],
    )["MetricDataResults"]
    return dict(zip(result["Timestamps"], result["Values"], strict=True))


def test_invocations_errors_and_latencies_are_counted(hosting):
    name = hosting.create(hosting.config({"InitialInstanceCount": 4}))
    for body in ["fine"] * 17 + ["status 400"] * 3 + ["status 503"] * 2 + ["sleep 0.2"]:
        try:
            hosting.ask(name, body)
        except hosting.runtime.exceptions.ModelError:
            assert body.startswith("status")
    end = time.monotonic() + 10
    while sum(values(hosting, name, "AWS/SageMaker", "Invocations").values()) < 23 and time.monotonic() < end:
        time.sleep(0.2)

    def total(metric, statistic="Sum"):
        return sum(values(hosting, name, "AWS/SageMaker", metric, statistic).values())

    assert total("Invocations") == 23
    assert total("InvocationsPerInstance") == pytest.approx(23 / 4)
    assert total("Invocation4XXErrors") == 3
    assert total("Invocation5XXErrors") == 2
    assert total("InvocationModelErrors") == 5
    assert total("ModelLatency", "SampleCount") == total("OverheadLatency", "SampleCount") == 23
    slowest = max(values(hosting, name, "AWS/SageMaker", "ModelLatency", "Maximum").values())
    assert 200_000 <= slowest < 5_000_000, "microseconds"
    stamps = values(hosting, name, "AWS/SageMaker", "Invocations")
    assert all(at.second == 0 for at in stamps)


def test_the_use_of_the_real_process_is_measured(hosting):
    name, end = hosting.create(), time.monotonic() + 40
    found = {}
    while len(found) < 3 and time.monotonic() < end:
        hosting.ask(name)
        for metric in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
            if measured := values(hosting, name, "/aws/sagemaker/Endpoints", metric, "Maximum"):
                found[metric] = max(measured.values())
        time.sleep(0.3)
    assert set(found) == {"CPUUtilization", "MemoryUtilization", "DiskUtilization"}
    assert 0 <= found["CPUUtilization"] <= 400
    # A Python server takes some ten to hundred MB of this machine's memory.
    assert 0 < found["MemoryUtilization"] < 50
    assert 0 < found["DiskUtilization"] <= 100
