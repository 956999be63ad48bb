"""CloudWatch metrics, as the analyzer leaves them in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from endpointwatch_airflow.hooks.aws import AwsHook

#: CloudWatch's limit for one call.
AT_ONCE: Final = 1000


class MetricsHook(AwsHook):
    """CloudWatch as a place to put metrics.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "cloudwatch"
        super().__init__(*args, **kwargs)

    def publish(self, namespace: str, lines: Sequence[str]) -> str | None:
        """Put the metrics of a ``cloudwatch_metrics.jsonl``, whose lines are ``PutMetricData``'s own members.

        Returns:
            None, or why CloudWatch did not take some: it takes none that are older than two weeks, as those of a
            backfill.
        """
        client: Any = self.conn
        data = [_datum(line) for line in lines if line.strip()]
        for start in range(0, len(data), AT_ONCE):
            try:
                client.put_metric_data(Namespace=namespace, MetricData=data[start : start + AT_ONCE])
            except (ClientError, BotoCoreError) as error:
                return str(error)
        return None


def _datum(line: str) -> dict[str, Any]:
    datum: dict[str, Any] = json.loads(line)
    return {**datum, "Timestamp": datetime.fromisoformat(datum["Timestamp"])}
