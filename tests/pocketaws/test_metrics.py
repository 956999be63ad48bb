"""What is put into CloudWatch adds up to what was counted, whatever the batches."""

from __future__ import annotations

import os
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketaws.metrics import Invocation, Metrics


class CloudWatch:
    """Keeps what is put; refuses what CloudWatch would."""

    def __init__(self) -> None:
        self.values: dict[tuple, Counter[float]] = {}

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict]) -> None:  # noqa: N803 - boto3's own names
        assert len(MetricData) <= 1000
        for datum in MetricData:
            assert len(datum["Values"]) == len(datum["Counts"]) <= 150
            dimensions = tuple(item["Value"] for item in datum["Dimensions"])
            key = (Namespace, *dimensions, datum["MetricName"], datum["Timestamp"].timestamp())
            counted = self.values.setdefault(key, Counter())
            for value, count in zip(datum["Values"], datum["Counts"], strict=True):
                counted[value] += count


def metrics_over(cloudwatch, servers=(), home="/"):
    return Metrics(
        SimpleNamespace(
            aws=lambda _: cloudwatch,
            settings=SimpleNamespace(home=home, flush_seconds=60),
            hosting=SimpleNamespace(servers=lambda: list(servers)),
        )
    )


def invocation(**changes):
    given_ = {
        "endpoint": "ep", "variant": "v", "instances": 1, "at": 1_700_000_000.0, "status": 200,
        "model_seconds": 0.01, "overhead_seconds": 0.001,
    }  # fmt: skip
    return Invocation(**{**given_, **changes})


INVOCATIONS = st.builds(
    invocation,
    endpoint=st.sampled_from(["a", "b"]),
    at=st.floats(1_700_000_000, 1_700_000_200),
    status=st.sampled_from([200, 400, 404, 500, 503, 0]),
    model_seconds=st.floats(0, 2),
)


@given(made=st.lists(INVOCATIONS, max_size=300))
def test_what_arrives_is_what_was_made_by_endpoint_and_minute(made):
    cloudwatch = CloudWatch()
    metrics = metrics_over(cloudwatch)
    for number, one in enumerate(made):
        metrics.record(one)
        if number % 50 == 0:
            metrics.flush()
    metrics.flush()
    found = {
        (key[1], key[4]): sum(counted.values()) for key, counted in cloudwatch.values.items() if key[3] == "Invocations"
    }
    assert found == Counter((one.endpoint, one.at // 60 * 60) for one in made)
    microseconds = sum(
        value * count
        for key, counted in cloudwatch.values.items()
        if key[3] == "ModelLatency"
        for value, count in counted.items()
    )
    assert microseconds == pytest.approx(sum(one.model_seconds * 1e6 for one in made), rel=0.005, abs=len(made))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, {"Invocation4XXErrors": 0, "Invocation5XXErrors": 0, "InvocationModelErrors": 0}),
        (404, {"Invocation4XXErrors": 1, "Invocation5XXErrors": 0, "InvocationModelErrors": 1}),
        (503, {"Invocation4XXErrors": 0, "Invocation5XXErrors": 1, "InvocationModelErrors": 1}),
        (0, {"Invocation4XXErrors": 0, "Invocation5XXErrors": 1, "InvocationModelErrors": 1}),
    ],
)
def test_errors_are_counted_by_class_and_zeros_are_sent_too(status, expected):
    values = dict(invocation(status=status).values())
    assert {name: values[name] for name in expected} == expected


def test_an_invocation_is_shared_among_the_instances():
    assert dict(invocation(instances=4).values())["InvocationsPerInstance"] == 0.25


def test_the_processor_time_of_this_very_process_is_seen(tmp_path):
    cloudwatch = CloudWatch()
    server = SimpleNamespace(pid=os.getsid(0), spec=SimpleNamespace(name="v"))
    metrics = metrics_over(cloudwatch, [("ep", server)], tmp_path)
    metrics.sample()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    metrics.sample()
    metrics.flush()
    found = {key[3]: max(counted) for key, counted in cloudwatch.values.items()}
    assert found["CPUUtilization"] > 1  # on a busy machine it gets little of the time
    assert 0 < found["MemoryUtilization"] < 100
    assert 0 < found["DiskUtilization"] <= 100
