"""A verdict as CloudWatch metrics: what alarms can watch wherever the job ran.

SageMaker sends a container's metrics file to CloudWatch for Model Monitor's own schedules only; a processing job's
stays where it is. A job on the worker sends its file itself, with far more in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from endpointwatch.reports.verdict import Verdict

ANSWERED = frozenset({"OK", "VIOLATIONS", "PROVISIONAL", "SCHEMA_CHANGED"})


def lines(verdict: Verdict, *, dimensions: Mapping[str, str], whole: bool) -> Iterator[str]:
    """The verdict's metrics, each as JSON text with the members of ``PutMetricData``, at the window's start.

    ``violations`` always, ``label_coverage`` where labels are needed; then, by the names under which the monitor's own
    file has them, the distance of each column and each metric that is about the window as a whole.

    Args:
        verdict: One that answers; for all others there is nothing to say.
        dimensions: Name to value, as ``Endpoint`` and ``MonitoringSchedule``.
        whole: False where the job has sent its own file: then only what that does not have.
    """
    if verdict.status not in ANSWERED:
        return
    values: dict[str, float] = {"violations": float(len(verdict.violations) + verdict.segment_violations)}
    if verdict.label_coverage is not None:
        values["label_coverage"] = verdict.label_coverage
    if whole:
        values |= {f"feature_baseline_drift_{one.feature_name}": one.distance for one in verdict.distances}
        values |= {
            one.name: one.value
            for one in verdict.metrics
            if one.value is not None and one.facet is None and one.label is None
        }
    common = {
        "Timestamp": f"{verdict.window.start:%Y-%m-%dT%H:%M:%SZ}",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    for name, value in values.items():
        if math.isfinite(value):
            yield json.dumps({"MetricName": name, **common, "Value": value})
