"""The alarms that every endpoint has without a word in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Metrics of invocations, and of what the instances use, as SageMaker publishes them.
INVOCATIONS: Final = "AWS/SageMaker"
INSTANCES: Final = "/aws/sagemaker/Endpoints"

#: The alarms of every endpoint, unless its file says otherwise. Thresholds are starting points, not measurements.
DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "model_latency": {
        "description": "One request in twenty waits more than five seconds for the model.",
        "metric": "ModelLatency",
        "statistic": "p95",
        "threshold": 5_000_000.0,
        "periods": 5,
        "datapoints": 3,
        "severity": "warning",
        "actions": ("notify",),
    },
    "errors_5xx": {
        "description": "One request in twenty fails on the model's side.",
        "metric": "Invocation5XXErrors",
        "statistic": "Average",
        "comparison": ">=",
        "threshold": 0.05,
        "periods": 5,
        "datapoints": 3,
        "severity": "critical",
        "actions": ("notify", "scale", "rollback"),
    },
    "disk_utilization": {
        "description": "More than three quarters of a disk are full: data capture stops, and windows have gaps.",
        "metric": "DiskUtilization",
        "namespace": INSTANCES,
        "statistic": "Maximum",
        "threshold": 75.0,
        "periods": 3,
        "severity": "warning",
        "actions": ("notify",),
    },
    "no_invocations": {
        "description": "Nobody has asked the model anything for an hour.",
        "metric": "Invocations",
        "statistic": "Sum",
        "comparison": "<",
        "threshold": 1.0,
        "period_seconds": 300,
        "periods": 12,
        # Without traffic SageMaker publishes nothing, and no zeros.
        "missing_data": "breaching",
        "severity": "info",
        "actions": ("notify",),
    },
}
