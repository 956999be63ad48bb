"""Turn the messages of an endpoint's alarms into asset events, as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from endpointwatch_airflow.hooks.alarm_channel import QueueHook, QueueUnavailableError
from endpointwatch_airflow.triggers.aws import AwsTrigger

#: SQS holds a question open so long at most; the answer comes with the first message.
LONG_POLL_SECONDS: Final = 20
#: Between two tries while there is no queue yet, or AWS does not answer.
PAUSE_SECONDS: Final = 10.0


class AlarmQueueTrigger(AwsTrigger, BaseEventTrigger):
    """Fires for every message about an alarm's change of state, and never ends.

    Unlike the providers' trigger for SQS it is told the queue's name, not its URL, so nothing needs to know account and
    region while DAG files are parsed; it waits for a queue that is not there yet, as before the endpoint is onboarded;
    and it deletes a message after its event is handed over, not before.

    Args:
        queue_name: The queue.
        long_poll_seconds: How long a question for messages is held open.
        pause_seconds: Time between two tries while there is no queue.
        aws: As :class:`~endpointwatch_airflow.triggers.aws.AwsTrigger` takes them.
    """

    def __init__(
        self,
        *,
        queue_name: str,
        long_poll_seconds: int = LONG_POLL_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
        **aws: Any,
    ) -> None:
        self.queue_name = queue_name
        self.long_poll_seconds = long_poll_seconds
        self.pause_seconds = pause_seconds
        super().__init__(
            {
                "queue_name": self.queue_name,
                "long_poll_seconds": self.long_poll_seconds,
                "pause_seconds": self.pause_seconds,
            },
            **aws,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook = QueueHook(**self.hook_parameters)
        while True:
            try:
                async for body in hook.messages(self.queue_name, wait_seconds=self.long_poll_seconds):
                    change = change_told(body)
                    if change is None:
                        self.log.warning("Queue %s: no message of an alarm, dropped: %.500s", self.queue_name, body)
                    else:
                        # Whoever takes the event asks for the alarm's state itself; one seen twice is answered once.
                        yield TriggerEvent(change)  # type: ignore[no-untyped-call]
            except QueueUnavailableError as error:
                # No queue yet, or none any more: the sweep looks at the alarms meanwhile.
                if not error.missing:
                    self.log.warning("%s", error)
            await asyncio.sleep(self.pause_seconds)


def change_told(body: str) -> dict[str, str] | None:
    """What a message says: ``alarm``, ``state``, ``at`` and ``reason``; None when it is not CloudWatch's.

    Args:
        body: CloudWatch's message, bare or in SNS's envelope.
    """
    try:
        told = json.loads(body)
        if isinstance(told, Mapping) and "AlarmName" not in told and "Message" in told:
            told = json.loads(told["Message"])
        return {
            "alarm": told["AlarmName"],
            "state": told["NewStateValue"],
            "at": told["StateChangeTime"],
            "reason": told.get("NewStateReason", ""),
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
