"""Wait in the triggerer until an alarm is in a state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from endpointwatch_airflow.hooks.cloudwatch import TYPES, CloudWatchHook, alarms_of


class AlarmStateTrigger(BaseTrigger):
    """Fires once the alarm is in one of the states, or is gone.

    Args:
        alarm_name: CloudWatch's name of it.
        states: ``OK``, ``ALARM``, ``INSUFFICIENT_DATA``.
        pause_seconds: Time between two looks.
        aws_conn_id: As everywhere.
        region_name: As everywhere.
        verify: As everywhere.
        botocore_config: As everywhere.
    """

    def __init__(
        self,
        *,
        alarm_name: str,
        states: Sequence[str],
        pause_seconds: float = 10.0,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alarm_name = alarm_name
        self.states = list(states)
        self.pause_seconds = pause_seconds
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "alarm_name": self.alarm_name,
                "states": self.states,
                "pause_seconds": self.pause_seconds,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
                "verify": self.verify,
                "botocore_config": self.botocore_config,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook = CloudWatchHook(
            aws_conn_id=self.aws_conn_id, region_name=self.region_name, verify=self.verify, config=self.botocore_config
        )
        async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
            while True:
                answer = await client.describe_alarms(AlarmNames=[self.alarm_name], AlarmTypes=list(TYPES))
                alarm = next(alarms_of(answer), None)
                if alarm is None or alarm.state in self.states:
                    state = alarm.state if alarm else None
                    yield TriggerEvent({"alarm_name": self.alarm_name, "state": state})  # type: ignore[no-untyped-call]
                    return
                await asyncio.sleep(self.pause_seconds)
