"""Waiting for labels: counted as the verdict counts them, and only when others have come."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_fakes import FakeStore, context, endpoint
from endpointwatch.config.window import Window
from endpointwatch_airflow.captured import manifest_hash
from endpointwatch_airflow.coverage import label_coverage
from endpointwatch_airflow.labelled import labels_since
from endpointwatch_airflow.pipelines.monitor import build
from endpointwatch_airflow.sensors.labels import LabelsArrivedSensor
from endpointwatch_airflow.triggers import labels as trigger_module
from endpointwatch_airflow.triggers.labels import LabelsChangedTrigger

WINDOW = Window.of(datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
LABELS = "s3://bucket/labels"
QUALITY = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
WATCHED = endpoint(monitors=[QUALITY], ground_truth={"uri": LABELS})
SOON = WINDOW.end + timedelta(minutes=10)


def captures(*ids: str, minute: int = 1) -> dict[str, str]:
    lines = [
        json.dumps(
            {
                "captureData": {"endpointOutput": {"data": "0.5", "encoding": "CSV", "mode": "OUTPUT"}},
                "eventMetadata": {"eventId": f"e-{one}", "inferenceId": one, "inferenceTime": "2026-03-01T14:05:00Z"},
                "eventVersion": "0",
            }
        )
        for one in ids
    ]
    return {f"s3://bucket/capture/loans/AllTraffic/2026/03/01/14/{minute:02}-00.jsonl": "\n".join(lines) + "\n"}


def labels(hour: str, *ids: str) -> dict[str, str]:
    lines = [
        json.dumps({"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": one}})
        for one in ids
    ]
    return {f"{LABELS}/2026/03/{hour}/a.jsonl": "\n".join(lines) + "\n"}


def sensor(files: dict[str, str], *, now: datetime = SOON, **arguments: Any) -> Any:
    task = LabelsArrivedSensor(
        task_id="wait", endpoint=WATCHED, coverage=0.75, hours=24, clock=lambda: now, aws_conn_id=None,
        deferrable=True, **arguments,
    )  # fmt: skip
    task.__dict__["hook"] = FakeStore(files)
    return task


def waits(task: Any, resumed: str | None = None) -> dict[str, Any] | None:
    """The arguments of the trigger that the task waits with; None when it has ended."""
    try:
        if resumed is None:
            task.execute(context(task))
        else:
            task.execute_complete(context(task), {"status": resumed})
    except TaskDeferred as deferred:
        path, arguments = deferred.trigger.serialize()
        assert path == "endpointwatch_airflow.triggers.labels.LabelsChangedTrigger"
        assert LabelsChangedTrigger(**arguments).serialize() == (path, arguments)
        return dict(arguments)
    return None


def test_the_share_is_of_captures_however_many_labels_there_are():
    files = captures("a", "b", "c", "d") | labels("01/14", "a", "a", "x", "y", "z") | labels("02/03", "b", "a")
    assert label_coverage(FakeStore(files), WATCHED, WINDOW) == 0.5  # type: ignore[arg-type]
    assert label_coverage(FakeStore(labels("01/14", "a")), WATCHED, WINDOW) is None  # type: ignore[arg-type]


def test_a_window_with_enough_labels_passes_and_one_with_fewer_waits():
    known = captures("a", "b", "c", "d")
    assert waits(sensor(known | labels("01/14", "a", "b", "c"))) is None
    arguments = waits(sensor(known | labels("01/14", "a", "b")))
    assert arguments is not None
    assert arguments["deadline"] == (WINDOW.end + timedelta(hours=24)).isoformat()
    here = sensor(known | labels("01/14", "a", "b"))
    assert here.poke(context(here)) is False


def test_other_labels_that_are_still_too_few_are_waited_upon_anew():
    files = captures("a", "b", "c", "d") | labels("01/14", "a")
    task = sensor(files)
    first = waits(task)
    task.hook.files |= labels("01/16", "b")
    second = waits(task, resumed="changed")
    assert first
    assert second
    assert first["seen"] != second["seen"]
    task.hook.files |= labels("01/17", "c")
    assert waits(task, resumed="changed") is None


def test_after_so_many_hours_it_passes_whatever_came_and_counts_nothing():
    task = sensor(captures("a"), now=WINDOW.end + timedelta(hours=24))
    task.hook.download = lambda *_: pytest.fail("counted")
    assert waits(task, resumed="time is up") is None


def test_a_window_without_captures_has_nothing_to_wait_for():
    assert waits(sensor({})) is None


class _Client:
    """aiobotocore's, over the store in memory."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    def get_paginator(self, operation: str) -> _Client:
        assert operation == "list_objects_v2"
        return self

    async def paginate(self, *, Bucket: str, Prefix: str, StartAfter: str) -> Any:  # noqa: N803 - boto's words
        for found in self.store.objects(f"s3://{Bucket}/{Prefix}", after=f"s3://{Bucket}/{StartAfter}"):
            entry = {"Key": found.key, "ETag": found.etag, "Size": found.size, "LastModified": found.modified_at}
            yield {"Contents": [entry]}


@pytest.mark.parametrize(
    ("comes", "hours_left", "status"),
    [
        (labels("05/09", "b"), 1, "changed"),
        (labels("01/14", "b"), 1, "changed"),
        (labels("01/13", "b"), 0.001, "time is up"),
        ({}, 0.001, "time is up"),
    ],
)
def test_the_trigger_fires_when_other_labels_are_there_or_time_is_up(monkeypatch, comes, hours_left, status):
    store = FakeStore(labels("01/14", "a"))
    seen = manifest_hash(labels_since(store, LABELS, (WINDOW,)))  # type: ignore[arg-type]
    naps: list[float] = []
    plain = asyncio.sleep

    async def connect(self: Any) -> _Client:
        return _Client(store)

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        store.files |= comes
        await plain(seconds if status == "time is up" else 0)

    monkeypatch.setattr("endpointwatch_airflow.hooks.store.StoreHook.get_async_conn", connect)
    monkeypatch.setattr(trigger_module.asyncio, "sleep", nap)
    deadline = datetime.now(UTC) + timedelta(seconds=600 * hours_left)
    trigger = LabelsChangedTrigger(
        root=LABELS, window=WINDOW.model_dump(mode="json"), seen=seen, deadline=deadline.isoformat(), aws_conn_id=None
    )

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    assert asyncio.run(events()) == [{"status": status}]
    assert len(naps) >= 1


def test_the_monitor_dag_waits_for_labels_only_where_the_file_says_so():
    assert "wait_for_labels" not in build(WATCHED).task_dict
    dag = build(endpoint(monitors=[QUALITY], ground_truth={"uri": LABELS, "wait": {"coverage": 0.5, "hours": 6}}))
    wait: Any = dag.task_dict["wait_for_labels"]
    assert (wait.coverage, wait.hours, wait.downstream_task_ids) == (0.5, 6, {"run_monitors"})
    assert wait.timeout > 6 * 3600
