"""Data capture: switched on as declared, and waited for until it has settled."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from hypothesis import given
from hypothesis import strategies as st

from airflow_fakes import FakeSageMaker, FakeStore, at_the_border, config, context, endpoint
from endpointwatch.config.window import Window
from endpointwatch_airflow.captured import captured, manifest, manifest_hash, newest_before
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.answers import CaptureSettings
from endpointwatch_airflow.operators.capture import EndpointDataCaptureOperator
from endpointwatch_airflow.sensors.capture import CaptureSettledSensor
from endpointwatch_airflow.triggers import capture as trigger_module
from endpointwatch_airflow.triggers.capture import CaptureSettledTrigger, seconds_until_settled

DECLARED = CaptureSettings(
    enabled=True,
    sampling_percentage=100,
    destination_uri="s3://bucket/capture",
    modes=frozenset({"Input", "Output"}),
    csv_content_types=frozenset({"text/csv"}),
    json_content_types=frozenset({"application/json"}),
)
WINDOW = Window.of(datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone


def ensure(sagemaker: FakeSageMaker, *, deferrable: bool) -> dict[str, Any]:
    def task() -> Any:
        return at_the_border(
            EndpointDataCaptureOperator(
                task_id="ensure", endpoint_name="loans", capture=endpoint().capture, deferrable=deferrable,
                aws_conn_id=None,
            ),
            sagemaker,
        )  # fmt: skip

    here = task()
    try:
        return here.execute(context(here))
    except TaskDeferred as deferred:
        path, arguments = deferred.trigger.serialize()
        assert path == "endpointwatch_airflow.triggers.endpoint.EndpointSettledTrigger"
        assert arguments["endpoint_name"] == "loans"
        sagemaker.settle()
        resumed = task()
        return getattr(resumed, deferred.method_name)(context(resumed), event={}, **(deferred.kwargs or {}))


both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["here", "deferred"])


@both_ways
def test_an_endpoint_that_captures_as_declared_is_left_alone(deferrable):
    sagemaker = FakeSageMaker(configs={"loans-1": config("loans-1", DECLARED)})
    assert ensure(sagemaker, deferrable=deferrable)["changed"] is False
    assert sagemaker.updates == []


@both_ways
@pytest.mark.parametrize(
    "present",
    [
        pytest.param(None, id="none"),
        pytest.param(replace(DECLARED, enabled=False), id="off"),
        pytest.param(replace(DECLARED, sampling_percentage=20), id="another share"),
        pytest.param(replace(DECLARED, destination_uri="s3://bucket/elsewhere"), id="another place"),
        pytest.param(replace(DECLARED, modes=frozenset({"Input"})), id="inputs only"),
        pytest.param(replace(DECLARED, csv_content_types=frozenset()), id="CSV would be stored as base64"),
    ],
)
def test_anything_else_is_moved_to_a_configuration_of_the_declared_capture(deferrable, present):
    sagemaker = FakeSageMaker(configs={"loans-1": config("loans-1", present)})
    found_since = sagemaker.live.modified_at.isoformat()
    result = ensure(sagemaker, deferrable=deferrable)
    (name,) = sagemaker.updates
    assert result == {"endpoint_config": name, "changed": True, "in_service_since": found_since}
    assert sagemaker.configs[name].capture == DECLARED


def test_a_retry_after_the_update_began_goes_on_with_the_same_configuration():
    sagemaker = FakeSageMaker(configs={"loans-1": config("loans-1", None)})
    task = at_the_border(
        EndpointDataCaptureOperator(
            task_id="ensure", endpoint_name="loans", capture=endpoint().capture, deferrable=True, aws_conn_id=None
        ),
        sagemaker,
    )
    with pytest.raises(TaskDeferred):
        task.execute(context(task))
    ensure(sagemaker, deferrable=False)
    assert len(sagemaker.updates) == 1


@both_ways
def test_an_update_that_is_rolled_back_is_an_error(deferrable):
    sagemaker = FakeSageMaker(configs={"loans-1": config("loans-1", None)})
    sagemaker.settle = lambda: setattr(  # type: ignore[method-assign]
        sagemaker, "live", replace(sagemaker.live, status="InService", reason="alarm fired")
    )
    with pytest.raises(EndpointError, match=r"went back to loans-1.*alarm fired"):
        ensure(sagemaker, deferrable=deferrable)


@both_ways
def test_capture_that_has_not_started_after_the_update_is_an_error(deferrable):
    sagemaker = FakeSageMaker(configs={"loans-1": config("loans-1", None)})
    sagemaker.settle = lambda: setattr(  # type: ignore[method-assign]
        sagemaker, "live", replace(sagemaker.live, status="InService", config_name=sagemaker.pending, capturing=False)
    )
    with pytest.raises(EndpointError, match="has not started"):
        ensure(sagemaker, deferrable=deferrable)


def test_an_endpoint_that_is_not_there_fails_at_once_and_a_failed_one_is_tried_again():
    with pytest.raises(NotRetriedError, match="no endpoint named 'loans'"):
        ensure(FakeSageMaker(live=None), deferrable=False)
    broken = FakeSageMaker()
    broken.live = replace(broken.live, status="Failed", reason="image not found")
    with pytest.raises(EndpointError, match="Failed: image not found"):
        ensure(broken, deferrable=False)


@given(end=TIMES, newest=st.none() | TIMES, now=TIMES, settle=st.integers(0, 900))
def test_a_window_settles_once_it_and_its_newest_object_are_old_enough(end, newest, now, settle):
    remaining = seconds_until_settled(end, newest, settle_seconds=settle, now=now)
    patience = timedelta(seconds=settle)
    assert (remaining == 0) == (now >= end + patience and (newest is None or now >= newest + patience))
    later = now + timedelta(seconds=remaining)
    assert seconds_until_settled(end, newest, settle_seconds=settle, now=later) == pytest.approx(0, abs=1e-5)


def sensor(store: FakeStore, **changes: Any) -> Any:
    task = CaptureSettledSensor(
        task_id="wait", endpoint=endpoint(**changes), deferrable=True, aws_conn_id=None, timeout=600
    )
    task.__dict__["hook"] = store
    return task


CAPTURES = {
    "s3://bucket/capture/loans/AllTraffic/2026/03/01/14/00-01.jsonl": "a",
    "s3://bucket/capture/loans/Shadow/2026/03/01/14/10-01.jsonl": "b",
}


def test_a_window_long_past_passes_without_being_deferred():
    task = sensor(FakeStore(CAPTURES))
    assert task.execute(context(task)) is None
    assert task.poke(context(task)) is True


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        pytest.param("2026/03/01/14/29-59-999-0b1c.jsonl", True, id="begun in the window"),
        pytest.param("2026/03/01/14/30-00-000-0b1c.jsonl", False, id="begun at its end"),
        pytest.param("2026/03/01/14/59-12-345-0b1c.jsonl.gz", False, id="begun after it"),
        pytest.param("2026/03/01/14/laid-by-hand.jsonl", True, id="not said"),
        pytest.param("2026/03/01/14/61-00-000-0b1c.jsonl", True, id="no time"),
    ],
)
def test_traffic_that_goes_on_does_not_keep_a_window_within_an_hour_from_settling(name, counts):
    half_past = WINDOW.start + timedelta(minutes=30)
    store = FakeStore({f"s3://bucket/capture/loans/AllTraffic/{name}": "a"}, modified_at=WINDOW.end)
    objects = store.objects("s3://bucket/capture/loans/")
    assert newest_before(objects, half_past) == (WINDOW.end if counts else None)


LATELY = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("ends_in", "arrived"),
    [
        pytest.param(-2 * LATELY, timedelta(0), id="an object has just arrived"),
        pytest.param(LATELY, -12 * LATELY, id="the window is not over"),
    ],
)
def test_a_window_that_has_not_settled_waits_in_the_triggerer(ends_in, arrived):
    now = datetime.now(UTC).replace(microsecond=0)
    window = Window.of(now + ends_in - timedelta(hours=1), now + ends_in)
    folder = f"s3://bucket/capture/loans/AllTraffic/{window.start:%Y/%m/%d/%H}"
    task = sensor(FakeStore({f"{folder}/00-00.jsonl": "a"}, modified_at=now + arrived))
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context(task, data_interval_start=window.start, data_interval_end=window.end))
    path, arguments = deferred.value.trigger.serialize()
    assert path == "endpointwatch_airflow.triggers.capture.CaptureSettledTrigger"
    assert CaptureSettledTrigger(**arguments).serialize() == (path, arguments)
    assert arguments["destination"] == "s3://bucket/capture/loans"


class _Pages:
    def __init__(self, store: FakeStore) -> None:
        self.store = store

    async def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str = "") -> Any:  # noqa: N803 - boto's words
        uri = f"s3://{Bucket}/{Prefix}"
        if Delimiter:
            folders = (folder.removeprefix(f"s3://{Bucket}/") for folder in self.store.folders(uri))
            yield {"CommonPrefixes": [{"Prefix": folder} for folder in folders]}
            return
        for found in self.store.objects(uri):
            entry = {"Key": found.key, "ETag": found.etag, "Size": found.size, "LastModified": found.modified_at}
            yield {"Contents": [entry]}


class _Client:
    def __init__(self, store: FakeStore) -> None:
        self.store = store

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    def get_paginator(self, operation: str) -> _Pages:
        assert operation == "list_objects_v2"
        return _Pages(self.store)


def test_the_trigger_sleeps_until_the_newest_object_is_old_enough_and_then_fires_once(monkeypatch):
    store = FakeStore(CAPTURES, modified_at=datetime.now(UTC))
    naps: list[float] = []

    async def connect(self: Any) -> _Client:
        return _Client(store)

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        store.modified_at -= timedelta(seconds=seconds)

    monkeypatch.setattr("endpointwatch_airflow.hooks.store.StoreHook.get_async_conn", connect)
    monkeypatch.setattr(trigger_module.asyncio, "sleep", nap)
    trigger = CaptureSettledTrigger(
        destination="s3://bucket/capture/loans", hours=["2026/03/01/14/"], window_end=WINDOW.end.isoformat(),
        settle_seconds=60, aws_conn_id=None,
    )  # fmt: skip

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    assert asyncio.run(events()) == [{"status": "settled", "objects": 2}]
    assert len(naps) == 1
    assert naps[0] == pytest.approx(60, abs=2)


def test_a_windows_objects_are_those_of_its_hours_in_every_variant_and_of_no_neighbour():
    store = FakeStore(
        {
            **CAPTURES,
            "s3://bucket/capture/loans/AllTraffic/2026/03/01/15/00-00.jsonl": "next hour",
            "s3://bucket/capture/loans/AllTraffic/2026/03/01/14/_tmp": "no capture",
            "s3://bucket/capture/loans-eu/AllTraffic/2026/03/01/14/00-00.jsonl": "another endpoint",
        }
    )
    found = captured(store, endpoint(), WINDOW)
    assert [item.uri for item in found] == sorted(CAPTURES)


def test_compressed_captures_are_found_and_what_is_no_capture_is_named_in_the_log(caplog):
    folder = "s3://bucket/capture/loans/AllTraffic/2026/03/01/14"
    found = captured(FakeStore({f"{folder}/a.jsonl.gz": "a", f"{folder}/notes.txt": "b"}), endpoint(), WINDOW)
    assert [item.uri for item in found] == [f"{folder}/a.jsonl.gz"]
    assert f"1 objects are no captures and are not read: {folder}/notes.txt" in caplog.text


def test_the_manifest_names_exactly_the_objects_and_its_hash_does_not_depend_on_their_order():
    found = captured(FakeStore(CAPTURES), endpoint(), WINDOW)
    assert manifest_hash(found) == manifest_hash(reversed(found))
    changed = captured(FakeStore({**CAPTURES, min(CAPTURES): "other"}), endpoint(), WINDOW)
    assert manifest_hash(changed) != manifest_hash(found)
    prefix, *names = json.loads(manifest("s3://bucket/capture/loans", found))
    assert [prefix["prefix"] + name for name in names] == sorted(CAPTURES)
