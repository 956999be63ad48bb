"""Wait in the triggerer for one's turn to change an endpoint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async

from endpointwatch.actions.lease import Holder
from endpointwatch_airflow.hooks.lease import LeaseHook
from endpointwatch_airflow.hooks.waiting import NO_ANSWER
from endpointwatch_airflow.triggers.aws import AwsTrigger


class LeaseTrigger(AwsTrigger):
    """Fires when the lease can be taken, and after ``look_seconds``: the task asks whether the holder's run ended.

    Args:
        folder: S3 URI of the lease's folder.
        holder: Who waits, as :class:`~endpointwatch.actions.lease.Holder` dumps itself.
        delay: Seconds between two looks, each of which also renews the place in the queue.
        look_seconds: After so long the task looks for itself.
        aws: As :class:`~endpointwatch_airflow.triggers.aws.AwsTrigger` takes them.
    """

    def __init__(
        self,
        *,
        folder: str,
        holder: Mapping[str, str],
        delay: float = 5.0,
        look_seconds: float = 60.0,
        **aws: Any,
    ) -> None:
        self.folder = folder
        self.holder = dict(holder)
        self.delay = delay
        self.look_seconds = look_seconds
        super().__init__(
            {"folder": self.folder, "holder": self.holder, "delay": self.delay, "look_seconds": self.look_seconds},
            **aws,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # The hook's own ways, in a thread: a wait for a lease is rare, and its rules stand in one place.
        hook = LeaseHook(**self.hook_parameters)
        me, end = Holder(**self.holder), time.monotonic() + self.look_seconds
        free = False
        while not free and time.monotonic() < end:
            await asyncio.sleep(min(self.delay, max(end - time.monotonic(), 0.0)))
            now = datetime.now(UTC)
            try:
                await sync_to_async(hook.wait_on)(self.folder, me, now=now)
                answer = await sync_to_async(hook.look)(self.folder, me, now=now)
            except NO_ANSWER as error:
                self.log.warning("AWS cannot be reached, looking again later: %s", error)
                continue
            free = answer.free
            self.log.info("The lease on the endpoint: %s", answer.why)
        yield TriggerEvent({"status": "free" if free else "look"})  # type: ignore[no-untyped-call]
