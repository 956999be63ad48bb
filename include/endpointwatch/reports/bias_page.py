"""``report.html`` of a bias analysis: what each metric says about whom, with a bar for its size; works offline."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from itertools import groupby

from endpointwatch.metrics.bias.catalogue import BiasMetric
from endpointwatch.monitors.analysis_document import Measured
from endpointwatch.monitors.findings import Findings
from endpointwatch.reports.pages import ALARM, CALM, GROUND, MARK, begin, end, number, quoted

_WIDTH, _HEIGHT = 160, 14


def page(title: str, measured: Iterable[Measured], findings: Findings | None = None) -> str:
    """The whole page.

    Args:
        title: Its heading.
        measured: Every metric, those of a facet value one after the other.
        findings: Of the check against a baseline; None without one.
    """
    compared = {
        (one.facet, one.facet_value, one.name): one for one in (findings.metrics if findings is not None else ())
    }
    parts = [
        *begin(title),
        (
            "<p>Each group is compared with all other rows. A bar shows how far a metric lies from equal treatment "
            "(the middle), to the right where the first sentence of its meaning holds; a tick marks the baseline.</p>"
        ),
    ]
    if findings is not None:
        parts.append(f"<p><strong>{_count(len(findings.violations))} against the baseline.</strong></p>")
    ordered = sorted(measured, key=lambda one: (one.facet, one.facet_value))
    for (_, _), metrics in groupby(ordered, key=lambda one: (one.facet, one.facet_value)):
        rows = list(metrics)
        first = rows[0]
        size = f"{first.rows[1]} rows, {first.rows[0]} others" if len(first.rows) > 1 else ""
        parts.append(f"<h2>{escape(first.group)} <small>{size}</small></h2><table>")
        parts.append("<tr><th>Metric<th>Value<th>Baseline<th><th>What it says")
        for one in rows:
            known = compared.get((one.facet, one.facet_value, one.metric.name))
            exceeded, threshold = (known.exceeded, known.threshold) if known is not None else (False, None)
            mark = ' class="bad"' if exceeded else ""
            parts.append(
                f"<tr{mark}><td title={quoted(one.metric.title)}>{one.metric.name}"
                f'<td class="n">{number(one.value)}{_interval(one)}<td class="n">{number(threshold)}'
                f"<td>{_bar(one.metric, one.value, threshold, exceeded=exceeded)}<td>{escape(_said(one))}"
            )
        parts.append("</table>")
    return end(parts)


def _said(one: Measured) -> str:
    return one.metric.sentence(one.value, one.group) if one.value is not None else f"Not computed: {one.error}"


def _bar(metric: BiasMetric, value: float | None, threshold: float | None, *, exceeded: bool) -> str:
    if value is None:
        return ""
    middle = _WIDTH / 2
    tip = middle + middle * _place(metric, value)
    left, width = min(middle, tip), abs(tip - middle)
    colour = ALARM if exceeded else CALM
    tick = ""
    if threshold is not None:
        at = middle + middle * _place(metric, threshold)
        tick = f'<rect x="{at - 1:.1f}" y="0" width="2" height="{_HEIGHT}" fill="{MARK}"/>'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label={quoted(number(value))}>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{GROUND}"/>'
        f'<rect x="{left:.1f}" y="2" width="{width:.1f}" height="{_HEIGHT - 4}" fill="{colour}"/>'
        f'<rect x="{middle}" y="0" width="1" height="{_HEIGHT}" fill="#8c959f"/>{tick}</svg>'
    )


def _place(metric: BiasMetric, value: float) -> float:
    """Where a value lies on a bar, -1 to 1: shares as they are, whatever is larger pressed together."""
    size = metric.size(value)
    squeezed = 1.0 if math.isinf(size) else size if size <= 0.5 else 1 - 0.25 / size  # noqa: PLR2004 (where it bends)
    return math.copysign(squeezed, value - metric.neutral)


def _interval(one: Measured) -> str:
    if one.bounds is None:
        return ""
    return f"<br><small>{number(one.bounds.low)} to {number(one.bounds.high)}</small>"


def _count(violations: int) -> str:
    return "No violations" if violations == 0 else f"{violations} violation{'s' if violations > 1 else ''}"
