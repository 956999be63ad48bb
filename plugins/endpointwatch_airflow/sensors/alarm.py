"""Wait until a CloudWatch alarm is in a state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Context

from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.triggers.alarm import AlarmStateTrigger


class AlarmStateSensor(AwsBaseSensor[CloudWatchHook]):
    """Succeeds once the alarm is in one of the states.

    Args:
        alarm_name: CloudWatch's name of it (templated).
        states: Those to wait for.
        deferrable: Wait in the triggerer instead of on the worker; default ``[operators] default_deferrable``.
        kwargs: ``aws_conn_id``, ``region_name``, ``verify``, ``botocore_config``, and what every sensor takes;
            ``poke_interval`` is the time between two looks.
    """

    aws_hook_class = CloudWatchHook
    template_fields: Sequence[str] = aws_template_fields("alarm_name")

    def __init__(
        self,
        *,
        alarm_name: str,
        states: Sequence[str] = ("OK",),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alarm_name = alarm_name
        self.states = tuple(states)
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if not self.poke(context):
            self.defer(
                trigger=AlarmStateTrigger(
                    alarm_name=self.alarm_name,
                    states=self.states,
                    pause_seconds=float(self.poke_interval),
                    aws_conn_id=self.aws_conn_id,
                    region_name=self.region_name,
                    verify=self.verify,
                    botocore_config=self.botocore_config,
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
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
