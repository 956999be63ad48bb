"""The bias monitor's CloudWatch metrics, named and cut as Clarify's.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-bias-drift-cw.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from endpointwatch.monitors.analysis_document import Measured

#: CloudWatch takes no infinite numbers; Clarify sends this one.
INFINITE = 2.348543e108
_STAGES = {"pre_training": "Pre-training", "post_training": "Post-Training"}


def metrics(
    measured: Iterable[Measured], label: tuple[str, str], *, at: datetime, dimensions: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """One metric a facet value and name; those without a value are not sent.

    Args:
        measured: The window's.
        label: Its name and its good values.
        at: The metrics' time.
        dimensions: Name to value, as ``Endpoint`` and ``MonitoringSchedule``.
    """
    for one in measured:
        if one.value is None:
            continue
        about = {
            **dimensions,
            "BiasStage": _STAGES[one.metric.stage],
            "Label": label[0],
            "LabelValue": label[1],
            "Facet": one.facet,
            # An interval's end changes with the data, and with it would the name of the metric.
            "FacetValue": one.named,
        }
        value = one.value if math.isfinite(one.value) else math.copysign(INFINITE, one.value)
        yield {
            "MetricName": f"bias_metric_{one.metric.name}",
            "Timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "Dimensions": [{"Name": name, "Value": text} for name, text in about.items()],
            "Value": value,
        }
