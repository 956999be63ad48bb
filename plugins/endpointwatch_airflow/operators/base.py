"""What all operators of this package share: AWS settings, ways of waiting, and the two hooks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Context

from endpointwatch_airflow.aws_settings import AwsSettings
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.hooks.store import StoreHook


class EndpointWatchOperator(AwsSettings, AwsBaseOperator[SageMakerHook]):
    """Base of the operators: SageMaker by ``self.hook``, S3 by ``self.store``.

    Args:
        deferrable: Wait in the triggerer instead of on the worker; default ``[operators] default_deferrable``.
        waiter_delay: Seconds between two looks at what is waited for.
        waiter_max_attempts: Looks before giving up.
        kwargs: ``aws_conn_id``, ``region_name``, ``verify``, ``botocore_config``, and what every operator takes.
    """

    aws_hook_class = SageMakerHook
    template_fields: Sequence[str] = aws_template_fields()

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        waiter_delay: int = 5,
        waiter_max_attempts: int = 1080,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts

    @cached_property
    def store(self) -> StoreHook:
        return StoreHook(**self._hook_parameters)

    def persist_link(self, context: Context, link: type[BaseAwsLink], **told: Any) -> None:
        """Let one of the task's links lead where ``told`` says, in the words of the link's ``format_str``."""
        link.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
            **told,
        )

    @property
    def waiting(self) -> dict[str, Any]:
        """The operator's AWS settings and its patience, for a trigger that waits by a waiter."""
        return {**self.aws, "waiter_delay": self.waiter_delay, "waiter_max_attempts": self.waiter_max_attempts}
