"""``statistics.json`` in Model Monitor's schema: from a state, and back to what a comparison needs.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from endpointwatch.metrics.samples import Weighted
from endpointwatch.states import Column, InferredType, Kll, Table

BUCKETS = 10
# Deequ keeps the histogram of a column with at most so many (estimated) different texts.
DISTINCT_LIMIT = 120
NULL_VALUE = "NullValue"
# Deequ's sketch looks for the smallest value from Java's largest int downwards, and for the largest from its smallest
# int upwards: numbers that all lie beyond one of the two leave it where it was.
_FIRST_LOW, _FIRST_HIGH = 2.0**31 - 1, -(2.0**31)


def statistics(state: Table, *, strict: bool = False) -> dict[str, Any]:
    """The file's content for ``state``, with AWS's keys in AWS's order.

    Args:
        state: Of the rows.
        strict: Whether buckets have the library's range and its last edge; see :func:`buckets`.
    """
    features = [_feature(name, column, strict=strict) for name, column in zip(state.names, state.columns, strict=True)]
    return {"version": 0.0, "dataset": {"item_count": state.rows}, "features": features}


def categories(column: Column) -> tuple[tuple[str, int], ...] | None:
    """Texts with counts as the file reports them, blanks as ``NullValue``; None where there are too many."""
    if column.histogram.counts is None or column.distinct.estimate > DISTINCT_LIMIT:
        return None
    counts = dict(column.histogram.ordered())
    if column.missing:
        # To the library a text of that name is the same as a blank.
        counts[NULL_VALUE] = counts.get(NULL_VALUE, 0) + column.missing
    return tuple(counts.items())


def _feature(name: str, column: Column, *, strict: bool) -> dict[str, Any]:
    feature: dict[str, Any] = {"name": name, "inferred_type": column.inferred_type}
    if column.inferred_type in ("Integral", "Fractional"):
        feature["numerical_statistics"] = _numbers(column, strict=strict)
    elif column.inferred_type == "String":
        feature["string_statistics"] = _strings(column)
    return feature


def _common(column: Column) -> dict[str, int]:
    return {"num_present": column.present, "num_missing": column.missing}


def _numbers(column: Column, *, strict: bool) -> dict[str, Any]:
    moments = column.moments
    low, high = (moments.low, moments.high) if moments.n else (math.nan, math.nan)
    return {
        "common": _common(column),
        "mean": _json(moments.mean if moments.n else math.nan),
        "sum": _json(moments.total),
        "std_dev": _json(moments.std_dev if moments.std_dev is not None else math.nan),
        "min": _json(low),
        "max": _json(high),
        "approximate_num_distinct_values": column.distinct.estimate,
        "completeness": column.completeness,
        "distribution": {
            "kll": {
                "buckets": buckets(column.sketch, low, high, strict=strict) if moments.n else [],
                "sketch": {
                    "parameters": {"c": column.sketch.c, "k": float(column.sketch.k)},
                    "data": [level.tolist() for level in column.sketch.levels],
                },
            }
        },
    }


def _strings(column: Column) -> dict[str, Any]:
    strings: dict[str, Any] = {
        "common": _common(column),
        "distinct_count": float(column.distinct.estimate),
        "completeness": column.completeness,
    }
    if (kept := categories(column)) is not None:
        strings["distribution"] = {"categorical": {"buckets": [{"value": v, "count": n} for v, n in kept]}}
    return strings


def buckets(sketch: Kll, low: float, high: float, *, strict: bool = False) -> list[dict[str, float]]:
    """Ten equally wide buckets from ``low`` to ``high``, with the sketch's counts; the last includes ``high``.

    The counts come from the sketch, not from the rows, as in AWS's files. They add up to all rows, but for a ``strict``
    count as the library's: there the range begins at 2147483647 at the latest and ends at -2147483648 at the earliest,
    and where the last edge is rounded to less than ``high``, the values above it are in no bucket.

    References:
        awslabs/deequ, ``KLLSketch.scala`` (edges, counts) and ``KLLRunner.scala`` (range).
    """
    if strict:
        low, high = min(low, _FIRST_LOW), max(high, _FIRST_HIGH)
    edges = np.array([low + (high - low) * i / float(BUCKETS) for i in range(BUCKETS + 1)])
    values, weights = sketch.weighted()
    running = np.concatenate(([0], np.cumsum(weights)))
    below = running[np.searchsorted(values, edges, side="left")]
    below[-1] = running[np.searchsorted(values, edges[-1], side="right")] if strict else running[-1]
    counts = np.diff(below)
    return [
        {"lower_bound": _json(edges[i]), "upper_bound": _json(edges[i + 1]), "count": float(counts[i])}
        for i in range(BUCKETS)
    ]


def _json(value: float) -> Any:
    # JSON knows no infinity; a sum of huge numbers can be one. Java's writer puts the word there.
    number = float(value)
    return number if math.isfinite(number) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(number, "NaN")


@dataclass(frozen=True, slots=True)
class Known:
    """What a statistics file knows about a column that a window can be compared with.

    Attributes:
        name: The column.
        inferred_type: Its type in the baseline.
        sketch: Its numbers, or None.
        counts: Rows by text with blanks as ``NullValue``, or None.
        sample: The sketch's numbers in ascending order with their weights, or None.
        mean: Of its numbers, or None.
        std_dev: Of its numbers, or None.
    """

    name: str
    inferred_type: InferredType
    sketch: Kll | None
    counts: Mapping[str, int] | None
    sample: Weighted | None = None
    mean: float | None = None
    std_dev: float | None = None


def known(document: Mapping[str, Any]) -> tuple[Known, ...]:
    """The columns of a statistics file, one that AWS wrote or one of ours.

    Raises:
        ValueError: The document has no ``features``, or one of them no name.
    """
    try:
        return tuple(_known(feature) for feature in document["features"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a statistics file: {error!r} is missing or of another kind") from error


def _known(feature: Mapping[str, Any]) -> Known:
    numbers = feature.get("numerical_statistics") or {}
    levels = _part(numbers, "distribution", "kll", "sketch").get("data") or ()
    texts = _part(feature, "string_statistics", "distribution", "categorical").get("buckets")
    sketch = Kll.read(levels) if any(levels) else None
    return Known(
        feature["name"],
        cast("InferredType", feature.get("inferred_type", "Unknown")),
        sketch,
        {bucket["value"]: int(bucket["count"]) for bucket in texts} if texts else None,
        Weighted(*sketch.weighted()) if sketch else None,
        _finite(numbers.get("mean")),
        _finite(numbers.get("std_dev")),
    )


def _part(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The block at the end of ``keys``; empty where one of them is missing or null, as a file cut by hand has it."""
    for key in keys:
        document = document.get(key) or {}
    return document


def _finite(value: object) -> float | None:
    # Java's writer puts words where JSON has no number.
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
