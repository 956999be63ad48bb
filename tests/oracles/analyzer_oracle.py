"""AWS's data-quality analyzer once more: slow, in plain Python, and without a line of the engine.

Written from recorded outputs of the analyzer and from the source of what it is built on (awslabs/deequ, Apache Spark),
so that what is equal here and there is right or misread twice. It stops at 400 different texts, where the estimate of
their number begins to need Spark's tables.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperloglog_oracle import estimate
from kll_oracle import Levels, buckets, rank, ranks, sketch

Texts = Sequence[str | None]
# StatefulDataType.scala: the first that matches the whole text.
CLASSES = {
    "Fractional": re.compile(r"[-+]? ?[0-9]+(\.[0-9]+|(\.[0-9]+)?[Ee][-+]?[0-9]+)"),
    "Integral": re.compile(r"[-+]? ?[0-9]+"),
    "Boolean": re.compile(r"true|false"),
    "String": re.compile(r".*", re.DOTALL),
}
HISTOGRAM_LIMIT = 120  # ColumnProfiler.scala
NUMERIC = ("Integral", "Fractional")


def class_of(text: str) -> str:
    return next(name for name, pattern in CLASSES.items() if pattern.fullmatch(text))


class Column:
    """What is known about a column of texts (None: missing)."""

    def __init__(self, name: str, texts: Texts) -> None:
        self.name = name
        self.texts = texts
        self.present = [text for text in texts if text is not None]
        self.classes = Counter(map(class_of, self.present))
        self.type = self._type()
        self.completeness = len(self.present) / len(texts)
        self.distinct = estimate(set(self.present))
        self.numbers = [float(text.replace(" ", "")) for text in self.present] if self.type in NUMERIC else []
        self.sketch = sketch(self.numbers)
        self.histogram = self._histogram() if self.type == "String" and self.distinct <= HISTOGRAM_LIMIT else None

    def _type(self) -> str:
        """DataTypeHistogram.determineType; the analyzer has no Boolean."""
        kinds = set(self.classes)
        if not kinds:
            return "Unknown"
        if kinds & {"String", "Boolean"}:
            return "String"
        return "Fractional" if "Fractional" in kinds else "Integral"

    def _histogram(self) -> dict[str, int]:
        """Counts by text, blanks as the library calls them. (AWS's order is a hash map's; this is the engine's.)"""
        counts = dict(sorted(Counter(self.present).items(), key=lambda item: (-item[1], item[0])))
        if missing := len(self.texts) - len(self.present):
            counts["NullValue"] = counts.get("NullValue", 0) + missing
        return counts

    def statistics(self) -> dict[str, Any]:
        common = {"num_present": len(self.present), "num_missing": len(self.texts) - len(self.present)}
        feature: dict[str, Any] = {"name": self.name, "inferred_type": self.type}
        if self.type in NUMERIC:
            low, high = min(self.numbers), max(self.numbers)
            mean, deviation = moments(self.numbers)
            feature["numerical_statistics"] = {
                "common": common,
                "mean": mean,
                "sum": sum(self.numbers),
                "std_dev": deviation,
                "min": low,
                "max": high,
                "approximate_num_distinct_values": self.distinct,
                "completeness": self.completeness,
                "distribution": {
                    "kll": {
                        "buckets": buckets(self.sketch, low, high),
                        "sketch": {"parameters": {"c": 0.64, "k": 2048.0}, "data": self.sketch},
                    }
                },
            }
        elif self.type == "String":
            strings = {"common": common, "distinct_count": float(self.distinct), "completeness": self.completeness}
            if self.histogram is not None:
                kept = [{"value": value, "count": count} for value, count in self.histogram.items()]
                strings["distribution"] = {"categorical": {"buckets": kept}}
            feature["string_statistics"] = strings
        return feature

    def constraints(self) -> dict[str, Any]:
        feature: dict[str, Any] = {
            "name": self.name,
            "inferred_type": self.type,
            "completeness": self.completeness,
        }
        if self.type in NUMERIC:
            feature["num_constraints"] = {"is_non_negative": min(self.numbers) >= 0}
        if self.histogram is not None:
            feature["string_constraints"] = {"domains": list(self.histogram)}
        return feature


def moments(numbers: Sequence[float]) -> tuple[float, float]:
    """Mean and population deviation as Spark adds them up, row by row (CentralMomentAgg.scala)."""
    mean = squares = 0.0
    for count, number in enumerate(numbers, start=1):
        delta = number - mean
        mean += delta / count
        squares += delta * (delta - delta / count)
    return sum(numbers) / len(numbers), math.sqrt(squares / len(numbers))


def violations(now: Sequence[Column], then: Sequence[Column], *, robust: bool) -> Iterator[tuple[str, str, str]]:
    """Feature, check and text of what is wrong about the columns of today, held against those learnt from."""
    if len(now) != len(then):
        kind = "extra" if len(now) > len(then) else "missing"
        text = (
            f"There are {kind} columns in current dataset. Number of columns in current dataset: {len(now)}, "
            f"Number of columns in baseline constraints: {len(then)}"
        )
        yield f"{kind.title()} columns", f"{kind}_column_check", text
        return
    for current, learnt in zip(now, then, strict=True):
        for check, text in (*_broken(current, learnt), *_drifted(current, learnt, robust=robust)):
            yield learnt.name, check, text


def _broken(now: Column, then: Column) -> Iterator[tuple[str, str]]:
    if now.present and then.type != "Unknown":
        typed = now.classes[then.type] + (now.classes["Boolean"] if then.type == "String" else 0)
        share = f"{typed / len(now.present) * 100}%"
        text = f"Data type match requirement is not met. Expected data type: {then.type}, Expected match: 100.0%."
        if typed < len(now.present):
            yield "data_type_check", f"{text} Observed: Only {share} of data is {then.type}."
    if now.completeness < then.completeness:
        text = f"Data completeness requirement is not met. Expected: {then.completeness * 100}%."
        yield "completeness_check", f"{text} Observed: Only {now.completeness * 100}%."
    if then.histogram:
        known = sum(text is None or text in then.histogram for text in now.texts)
        share = f"{known / len(now.texts) * 100}%"
        text = "Categorical value match requirement is not met. Expected match: 100.0%."
        if known < len(now.texts):
            yield "categorical_values_check", f"{text} Observed: {share} of the values match the known values."


def _drifted(now: Column, then: Column, *, robust: bool) -> Iterator[tuple[str, str]]:
    if now.type != then.type:
        return
    if now.type in NUMERIC:
        distance = between_sketches(then.sketch, now.sketch, robust=robust)
    elif now.histogram and then.histogram:
        distance = between_counts(then.histogram, now.histogram, robust=robust)
    else:
        return
    if distance > 0.1:
        yield "baseline_drift_check", f"Baseline drift distance: {distance} exceeds threshold: 0.1"


def between_sketches(then: Levels, now: Levels, *, robust: bool) -> float:
    """Distance.scala, numericalDistance: equal values of a sketch count once."""
    first, second = ranks(then), ranks(now)
    n, m = first[-1][1], second[-1][1]
    values = {value for value, _ in (*first, *second)}
    largest = max(abs(rank(first, value) / n - rank(second, value) / m) for value in values)
    return corrected(largest, n, m, robust=robust)


def between_counts(then: Mapping[str, int], now: Mapping[str, int], *, robust: bool) -> float:
    """Distance.scala, categoricalLInfinityDistance."""
    n, m = sum(then.values()), sum(now.values())
    largest = max(abs(then.get(value, 0) / n - now.get(value, 0) / m) for value in {*then, *now})
    return corrected(largest, n, m, robust=robust)


def corrected(distance: float, n: int, m: int, *, robust: bool) -> float:
    return max(0.0, distance - 1.8 * math.sqrt((n + m) / (n * m))) if robust else distance
