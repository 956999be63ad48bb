"""A task's AWS settings, as it hands them to a trigger."""

from __future__ import annotations

from typing import Any


class AwsSettings:
    """Beside the Amazon provider's base of operators or sensors, which have these attributes."""

    aws_conn_id: str | None
    region_name: str | None
    verify: bool | str | None
    botocore_config: dict[str, Any] | None

    @property
    def aws(self) -> dict[str, Any]:
        """The task's AWS settings, for a trigger."""
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }
