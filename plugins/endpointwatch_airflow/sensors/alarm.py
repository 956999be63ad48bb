"""Wait until a CloudWatch alarm is in a state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.sensors.base import DeferrableSensor
from endpointwatch_airflow.triggers.alarm import AlarmStateTrigger


class AlarmStateSensor(DeferrableSensor[CloudWatchHook]):
    """Succeeds once the alarm is in one of the states.

    Args:
        alarm_name: CloudWatch's name of it (templated).
        states: Those to wait for.
        kwargs: As :class:`DeferrableSensor` takes them;
            ``poke_interval`` is the time between two looks.
    """

    aws_hook_class = CloudWatchHook
    template_fields: Sequence[str] = aws_template_fields("alarm_name")

    def __init__(
        self,
        *,
        alarm_name: str,
        states: Sequence[str] = ("OK",),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alarm_name = alarm_name
        self.states = tuple(states)

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if not self.poke(context):
            self.wait_by(
                AlarmStateTrigger(
                    alarm_name=self.alarm_name,
                    states=self.states,
                    pause_seconds=float(self.poke_interval),
                    **self.aws,
                )
            )
        return None

    def poke(self, context: Context) -> bool:  # noqa: ARG002 - Airflow's signature
        alarm = self.hook.alarm(self.alarm_name)
        return self._reached(alarm.state if alarm else None)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:  # noqa: ARG002 - Airflow's signature
        self._reached(event["state"])

    def _reached(self, state: str | None) -> bool:
        if state is None:
            raise NotRetriedError(
                f"There is no alarm named {self.alarm_name!r}. The endpoint's onboard DAG makes alarms."
            )
        self.log.info("Alarm %s is %s", self.alarm_name, state)
        return state in self.states
