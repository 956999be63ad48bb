"""Wait in the triggerer until other labels are there than before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import TriggerEvent

from endpointwatch.config.window import Window
from endpointwatch_airflow.captured import manifest_hash
from endpointwatch_airflow.hooks.store import StoreHook, bucket_and_key, objects_of
from endpointwatch_airflow.labelled import of_window, start_after
from endpointwatch_airflow.triggers.aws import AwsTrigger


class LabelsChangedTrigger(AwsTrigger):
    """Fires when the ground-truth objects that can hold a window's labels are others than those seen, or at a deadline.

    Args:
        root: S3 URI of the labels, without a trailing slash.
        window: The window, as JSON has it.
        seen: Hash over the objects that were there (:func:`endpointwatch_airflow.captured.manifest_hash`).
        deadline: ISO time.
        pause_seconds: Time between two looks.
        aws: As :class:`~endpointwatch_airflow.triggers.aws.AwsTrigger` takes them.
    """

    def __init__(
        self,
        *,
        root: str,
        window: Mapping[str, str],
        seen: str,
        deadline: str,
        pause_seconds: float = 60.0,
        **aws: Any,
    ) -> None:
        self.root = root
        self.window = dict(window)
        self.seen = seen
        self.deadline = deadline
        self.pause_seconds = pause_seconds
        super().__init__(
            {
                "root": self.root,
                "window": self.window,
                "seen": self.seen,
                "deadline": self.deadline,
                "pause_seconds": self.pause_seconds,
            },
            **aws,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook = StoreHook(**self.hook_parameters)
        deadline = datetime.fromisoformat(self.deadline)
        async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
            while (remaining := (deadline - datetime.now(UTC)).total_seconds()) > 0:
                if await self._now(client) != self.seen:
                    yield TriggerEvent({"status": "changed"})  # type: ignore[no-untyped-call]
                    return
                await asyncio.sleep(min(remaining, self.pause_seconds))
        yield TriggerEvent({"status": "time is up"})  # type: ignore[no-untyped-call]

    async def _now(self, client: Any) -> str:
        window = Window.model_validate(self.window)
        bucket, key = bucket_and_key(f"{self.root}/")
        _, after = bucket_and_key(start_after(self.root, (window,)))
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, StartAfter=after)
        return manifest_hash(of_window([found async for page in pages for found in objects_of(page, bucket)], window))
