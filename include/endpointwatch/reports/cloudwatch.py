"""Metrics as Model Monitor's containers leave them for CloudWatch: one JSON object a line.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-cloudwatch.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from endpointwatch.monitors.findings import Distance
from endpointwatch.reports.files import write_text
from endpointwatch.states import Table


def metrics(
    state: Table, distances: Iterable[Distance], *, at: datetime, dimensions: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """The metrics of a window: range of each number, completeness and drift of each column.

    Args:
        state: Of the window's rows.
        distances: From the baseline.
        at: The metrics' time.
        dimensions: Name to value, as ``Endpoint`` and ``MonitoringSchedule``.
    """
    common = {
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    for name, column in zip(state.names, state.columns, strict=True):
        moments = column.moments
        # CloudWatch refuses infinite values, and a sum of huge numbers can be one.
        if column.inferred_type in ("Integral", "Fractional") and moments.n and math.isfinite(moments.total):
            spread = {
                "SampleCount": float(moments.n),
                "Sum": moments.total,
                "Minimum": moments.low,
                "Maximum": moments.high,
            }
            yield {"MetricName": f"feature_data_{name}", **common, "StatisticValues": spread}
        yield {"MetricName": f"feature_non_null_{name}", **common, "Value": column.completeness}
    for distance in distances:
        yield {"MetricName": f"feature_baseline_drift_{distance.feature_name}", **common, "Value": distance.distance}


def write_metrics(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write the metrics file, replacing what is there."""
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
