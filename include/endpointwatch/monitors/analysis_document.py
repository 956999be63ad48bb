"""The bias part of ``analysis.json``, written and read again as a baseline, in Clarify's schema.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-analysis-results.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from endpointwatch.metrics.bias.catalogue import METRICS, BiasMetric
from endpointwatch.monitors.choices import canonical

STAGES = {"post_training": "post_training_bias_metrics", "pre_training": "pre_training_bias_metrics"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """A confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric of one facet value.

    Attributes:
        facet: The sensitive column.
        facet_value: The group in it as ``analysis.json`` has it: values, or an interval.
        named: The same as the configuration has it, as violations do: values, or the threshold alone.
        rows: How many rows are outside and inside the group.
        metric: What was measured.
        value: None where it cannot be computed.
        error: Why, then.
        bounds: Where chance may have taken the value, if that was asked for.
    """

    facet: str
    facet_value: str
    named: str
    rows: tuple[int, ...]
    metric: BiasMetric
    value: float | None
    error: str = ""
    bounds: Bounds | None = None

    @property
    def matched(self) -> str:
        """The same in a baseline and in every window: of an interval only where it begins, since data ends it."""
        return matched(self.facet_value)

    @property
    def group(self) -> str:
        """The group in words."""
        above = threshold(self.facet_value)
        return f"{self.facet} = {self.facet_value}" if above is None else f"{self.facet} above {canonical(above)}"


def threshold(text: str) -> float | None:
    """Where an interval such as ``(0.5, 0.99]`` begins; None for anything else."""
    if not (text.startswith("(") and text.endswith("]")):
        return None
    low, comma, _ = text[1:-1].partition(", ")
    try:
        return float(low) if comma else None
    except ValueError:
        return None


def matched(text: str) -> str:
    low = threshold(text)
    return ",".join(map(canonical, text.split(","))) if low is None else f"> {canonical(low)}"


def document(measured: Iterable[Measured], label: str, label_text: str) -> dict[str, Any]:
    """``post_training_bias_metrics`` and ``pre_training_bias_metrics``, as far as there are any.

    Args:
        measured: In the order in which they are written within a facet value.
        label: Name of the label.
        label_text: Its good values, or the interval.
    """
    every = tuple(measured)
    found: dict[str, Any] = {}
    for stage, key in STAGES.items():
        facets: dict[str, list[dict[str, Any]]] = {}
        for one in every:
            if one.metric.stage != stage:
                continue
            values = facets.setdefault(one.facet, [])
            if not values or values[-1]["value_or_threshold"] != one.facet_value:
                values.append({"value_or_threshold": one.facet_value, "metrics": []})
            values[-1]["metrics"].append(_entry(one))
        if facets:
            found[key] = {"label": label, "facets": facets, "label_value_or_threshold": label_text}
    return found


def measured(document: Mapping[str, Any]) -> Iterator[Measured]:
    """The metrics in an ``analysis.json``, ours or Clarify's; metrics of other names are passed over.

    Raises:
        ValueError: It is not laid out as one.
    """
    try:
        for key in STAGES.values():
            for facet, values in (document.get(key) or {}).get("facets", {}).items():
                for value in values:
                    text = str(value["value_or_threshold"])
                    for entry in value["metrics"]:
                        if entry["name"] in METRICS:
                            told = _number(entry["value"])
                            yield Measured(
                                facet, text, text, (), METRICS[entry["name"]], told, str(entry.get("error", ""))
                            )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no analysis in Clarify's schema: {type(error).__name__}: {error}") from error


def _entry(one: Measured) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": one.metric.name, "description": one.metric.description}
    if one.value is None:
        return {**shown, "value": None, "error": one.error}
    # JSON has no infinite numbers; Clarify writes these words.
    return {**shown, "value": one.value if math.isfinite(one.value) else infinite(one.value)}


def infinite(value: float) -> str:
    return "Infinity" if value > 0 else "-Infinity"


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
