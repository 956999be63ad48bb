"""Wait in the triggerer until an alarm is in a state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.triggers.base import TriggerEvent

from endpointwatch_airflow.hooks.cloudwatch import TYPES, CloudWatchHook, alarms_of
from endpointwatch_airflow.triggers.aws import AwsTrigger


class AlarmStateTrigger(AwsTrigger):
    """Fires once the alarm is in one of the states, or is gone.

    Args:
        alarm_name: CloudWatch's name of it.
        states: ``OK``, ``ALARM``, ``INSUFFICIENT_DATA``.
        pause_seconds: Time between two looks.
        aws: As :class:`~endpointwatch_airflow.triggers.aws.AwsTrigger` takes them.
    """

    def __init__(
        self,
        *,
        alarm_name: str,
        states: Sequence[str],
        pause_seconds: float = 10.0,
        **aws: Any,
    ) -> None:
        self.alarm_name = alarm_name
        self.states = list(states)
        self.pause_seconds = pause_seconds
        super().__init__(
            {"alarm_name": self.alarm_name, "states": self.states, "pause_seconds": self.pause_seconds},
            **aws,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook = CloudWatchHook(**self.hook_parameters)
        async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
            while True:
                answer = await client.describe_alarms(AlarmNames=[self.alarm_name], AlarmTypes=list(TYPES))
                alarm = next(alarms_of(answer), None)
                if alarm is None or alarm.state in self.states:
                    state = alarm.state if alarm else None
                    yield TriggerEvent({"alarm_name": self.alarm_name, "state": state})  # type: ignore[no-untyped-call]
                    return
                await asyncio.sleep(self.pause_seconds)
