"""What the triggers that look at AWS by themselves have in common: its settings, and how the triggerer is told them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger


class AwsTrigger(BaseTrigger):
    """Base of the triggers without a waiter of the Amazon provider, whose base class wants one.

    Args:
        serialized_fields: The trigger's own arguments by name.
        aws_conn_id: As everywhere.
        region_name: As everywhere.
        verify: As everywhere.
        botocore_config: As everywhere.
    """

    def __init__(
        self,
        serialized_fields: Mapping[str, Any],
        *,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.serialized_fields = dict(serialized_fields)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                **self.serialized_fields,
                "aws_conn_id": self.aws_conn_id,
                "region_name": self.region_name,
                "verify": self.verify,
                "botocore_config": self.botocore_config,
            },
        )

    @property
    def hook_parameters(self) -> dict[str, Any]:
        """The settings as a hook takes them."""
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "config": self.botocore_config,
        }
