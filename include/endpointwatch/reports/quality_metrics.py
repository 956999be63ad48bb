"""A model's quality as CloudWatch metrics, named as Model Monitor names them.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-cw.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from endpointwatch.monitors.performance import Performance


def metrics(measured: Performance, *, at: datetime, dimensions: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Every single number that could be computed, and its standard deviation where there is one.

    Args:
        measured: Of the window's labelled rows.
        at: The metrics' time.
        dimensions: Name to value, as ``Endpoint`` and ``MonitoringSchedule``.
    """
    common = {
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    for name, scalar in measured.scalars.items():
        numbers = ((name, scalar.value), (f"{name}_std", scalar.standard_deviation))
        for metric, value in numbers:
            if value is not None and math.isfinite(value):
                yield {"MetricName": metric, **common, "Value": value}
