"""What the sensors share: AWS settings, and the choice between waiting here and in the triggerer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.common.compat.sdk import conf
from airflow.triggers.base import BaseTrigger

from endpointwatch_airflow.aws_settings import AwsSettings

Hook = TypeVar("Hook", bound=AwsGenericHook)  # type: ignore[type-arg]


class DeferrableSensor(AwsSettings, AwsBaseSensor[Hook]):
    """Base of the sensors.

    Args:
        deferrable: Wait in the triggerer instead of on the worker; default ``[operators] default_deferrable``.
        kwargs: ``aws_conn_id``, ``region_name``, ``verify``, ``botocore_config``, and what every sensor takes.
    """

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable

    def wait_by(self, trigger: BaseTrigger) -> NoReturn:
        """Wait in the triggerer, as long as the sensor's timeout says."""
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout))
