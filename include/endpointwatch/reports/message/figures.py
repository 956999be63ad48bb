"""The numbers of a message: what drifted features were and are, metrics and their limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from endpointwatch.monitors.findings import Distance, Metric, most_drifted
from endpointwatch.reports.message.message import Figure
from endpointwatch.reports.verdict import Verdict

#: So many features and so many metrics; the report has them all.
SHOWN: Final = 5
#: What AWS's statistics call rows without a value.
_BLANK: Final = "NullValue"


@dataclass(frozen=True)
class Columns:
    """Two ``statistics.json``, parsed; without them figures tell distances only.

    Attributes:
        now: The window's.
        then: The baseline's; empty when the window was held against earlier windows instead.
    """

    now: Mapping[str, Any] = field(default_factory=dict)
    then: Mapping[str, Any] = field(default_factory=dict)


def figures(verdicts: Sequence[Verdict], columns: Columns) -> tuple[Figure, ...]:
    """The most drifted features, then the metrics beyond their limits, in the order of the verdicts."""
    distances = [distance for verdict in verdicts for distance in verdict.distances]
    metrics = [metric for verdict in verdicts for metric in verdict.metrics if metric.exceeded]
    now, then = _by_name(columns.now), _by_name(columns.then)
    drifted = [_drifted(distance, now, then) for distance in most_drifted(distances, SHOWN)]
    return (*drifted, *map(_metric, metrics[:SHOWN]))


def _metric(metric: Metric) -> Figure:
    facet = f"{metric.facet}={metric.facet_value}" if metric.facet else None
    about = " ".join(part for part in (metric.name, metric.label, facet) if part)
    return Figure(about=about, current=metric.value, limit=metric.threshold)


def _drifted(distance: Distance, now: Mapping[str, Any], then: Mapping[str, Any]) -> Figure:
    name = distance.feature_name
    measure, current, baseline = _moved(now.get(name), then.get(name))
    return Figure(
        about=name,
        measure=measure,
        current=current,
        baseline=baseline,
        distance=distance.distance,
        limit=distance.threshold,
    )


def _moved(now: Mapping[str, Any] | None, then: Mapping[str, Any] | None) -> tuple[str, float | None, float | None]:
    """What tells best how a column has moved: the mean of numbers, the share of the category that changed most."""
    current, baseline = _mean(now), _mean(then)
    if current is not None:
        return "mean", current, baseline
    shares, before = _shares(now), _shares(then)
    if not shares or not before:
        return "", None, None
    category = max(sorted({*shares, *before}), key=lambda name: abs(shares.get(name, 0.0) - before.get(name, 0.0)))
    shown = "blanks" if category == _BLANK else repr(category)
    return f"share of {shown}", shares.get(category, 0.0), before.get(category, 0.0)


def _mean(column: Mapping[str, Any] | None) -> float | None:
    mean = ((column or {}).get("numerical_statistics") or {}).get("mean")
    # Java's writer puts words where JSON has no number.
    return float(mean) if isinstance(mean, int | float) and math.isfinite(mean) else None


def _shares(column: Mapping[str, Any] | None) -> dict[str, float]:
    strings = (column or {}).get("string_statistics") or {}
    buckets = strings.get("distribution", {}).get("categorical", {}).get("buckets") or ()
    rows = sum(bucket["count"] for bucket in buckets)
    return {str(bucket["value"]): bucket["count"] / rows for bucket in buckets} if rows else {}


def _by_name(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_features(document))


def _features(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for feature in document.get("features", ()):
        if "name" in feature:
            yield str(feature["name"]), feature
