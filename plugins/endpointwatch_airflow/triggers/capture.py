"""Wait in the triggerer until a window's captured data has settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.triggers.base import TriggerEvent

from endpointwatch_airflow.captured import newest_before
from endpointwatch_airflow.hooks.store import StoreHook, bucket_and_key, folders_of, objects_of
from endpointwatch_airflow.triggers.aws import AwsTrigger

#: However far off the end of the wait is, look this often: traffic may bring it closer or push it away.
LONGEST_PAUSE: Final = 300.0


def seconds_until_settled(
    window_end: datetime, newest: datetime | None, *, settle_seconds: int, now: datetime
) -> float:
    """How long until a window's captures count as complete; 0.0 when they do.

    SageMaker delivers captures minutes late and marks no end. So they are complete when the window has been over for
    ``settle_seconds`` and no object of it has arrived for as long.

    Args:
        window_end: End of the window.
        newest: When the newest object arrived that can hold the window's requests; None when there is none.
        settle_seconds: The patience.
        now: The time to measure against.
    """
    last = window_end if newest is None else max(window_end, newest)
    return max(0.0, (last + timedelta(seconds=settle_seconds) - now).total_seconds())


class CaptureSettledTrigger(AwsTrigger):
    """Fires once the window's captures have settled; sleeps until that is possible instead of polling.

    Args:
        destination: S3 URI of the endpoint's captures (its variants' folders lie directly below).
        hours: The window's folders below a variant's: ``2026/03/01/14/``.
        window_end: ISO time.
        settle_seconds: See :func:`seconds_until_settled`.
        aws: As :class:`~endpointwatch_airflow.triggers.aws.AwsTrigger` takes them.
    """

    def __init__(
        self,
        *,
        destination: str,
        hours: Sequence[str],
        window_end: str,
        settle_seconds: int,
        **aws: Any,
    ) -> None:
        self.destination = destination
        self.hours = list(hours)
        self.window_end = window_end
        self.settle_seconds = settle_seconds
        super().__init__(
            {
                "destination": self.destination,
                "hours": self.hours,
                "window_end": self.window_end,
                "settle_seconds": self.settle_seconds,
            },
            **aws,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook = StoreHook(**self.hook_parameters)
        end = datetime.fromisoformat(self.window_end)
        async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
            while True:
                newest, count = await self._newest(client, end)
                pause = seconds_until_settled(end, newest, settle_seconds=self.settle_seconds, now=datetime.now(UTC))
                if pause == 0.0:
                    break
                self.log.info("%d objects, newest of %s; looking again in %.0f s at most", count, newest, pause)
                await asyncio.sleep(min(pause + 0.1, LONGEST_PAUSE))
        yield TriggerEvent({"status": "settled", "objects": count})  # type: ignore[no-untyped-call]

    async def _newest(self, client: Any, end: datetime) -> tuple[datetime | None, int]:
        bucket, key = bucket_and_key(self.destination.rstrip("/") + "/")
        paginator = client.get_paginator("list_objects_v2")
        variants = [
            uri
            async for page in paginator.paginate(Bucket=bucket, Prefix=key, Delimiter="/")
            for uri in folders_of(page, bucket)
        ]
        objects = [
            found
            for variant in variants
            for hour in self.hours
            async for page in paginator.paginate(Bucket=bucket, Prefix=bucket_and_key(variant + hour)[1])
            for found in objects_of(page, bucket)
        ]
        return newest_before(objects, end), len(objects)
