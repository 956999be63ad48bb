"""``report.html`` of an attribution analysis: which features the model's answers rest on, what changed, and why the
least usual predictions came out as they did; works offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.attribution.drift import order, shares
from endpointwatch.metrics.attribution.explanation import Explanation
from endpointwatch.monitors.attribution import Attributions
from endpointwatch.monitors.findings import AttributionChange, Metric
from endpointwatch.reports.pages import ALARM, CALM, GROUND, MARK, begin, end, number, quoted
from endpointwatch.reports.verdict import Verdict

Vector = NDArray[np.float64]
_WIDTH, _HEIGHT = 160, 14
_STRIP_BINS = 40
#: So many predictions are shown, each with so many of its features.
_PREDICTIONS, _REASONS = 8, 4
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Explained:
    """What was explained.

    Attributes:
        explanation: Local values.
        about: Global values, and the names of features and outputs.
        ids: Of the explained rows; None where a request has none. As many as were sampled, or more.
    """

    explanation: Explanation
    about: Attributions
    ids: Sequence[str | None]


def page(title: str, explained: Explained | None, verdict: Verdict | None = None) -> str:
    """The whole page.

    Args:
        title: Its heading.
        explained: None where nothing could be explained, or not all of it: then the verdict says why.
        verdict: Of a window; None for a baseline.
    """
    lines = begin(title)
    changes: dict[tuple[str, str], AttributionChange] = {}
    metrics: dict[str | None, Metric] = {}
    if verdict is not None:
        lines += _judgement(verdict)
        metrics = {metric.label: metric for metric in verdict.metrics}
        told = verdict.attribution
        changes = {(one.label, one.feature_name): one for one in told.changes} if told else {}
    if explained is None:
        return end(lines)
    lines.append(
        "<p>A feature's share is its part in what moves the model's output, over all explained rows; a tick marks the "
        "baseline's. The strip shows where its values for single rows lie, left of the middle where it lowers the "
        "output, darker where more rows lie.</p>"
    )
    for place, label in enumerate(explained.about.labels):
        lines += _output(explained, place, metrics.get(label), changes)
    return end(lines)


def _judgement(verdict: Verdict) -> list[str]:
    lines = [f"<p><strong>{verdict.status}.</strong> {escape(verdict.evidence)}</p>"]
    if verdict.remedy:
        lines.append(f"<p>{escape(verdict.remedy)}</p>")
    if verdict.attribution is not None and verdict.attribution.next_steps:
        steps = "".join(f"<li>{escape(step)}" for step in verdict.attribution.next_steps)
        lines.append(f"<h2>Next steps</h2><ol>{steps}</ol>")
    return lines


def _output(
    explained: Explained, place: int, metric: Metric | None, changes: Mapping[tuple[str, str], AttributionChange]
) -> list[str]:
    about, explanation = explained.about, explained.explanation
    label = about.labels[place]
    how = "exactly" if explanation.exact else "by sampled coalitions"
    said = f"{len(explanation.values)} rows explained {how} ({escape(explanation.method)})"
    expected = number(float(explanation.expected[place]))
    lines = [f"<h2>{escape(label)} <small>{said}, expected value {expected}</small></h2>"]
    if metric is not None:
        lines.append(_score(metric))
    lines.append("<table><tr><th>Rank<th>Feature<th>Share<th><th>Baseline<th>Change<th>Values of single rows")
    sizes, local = shares(about.values[:, place]), explanation.values[:, :, place]
    furthest = float(np.abs(local).max(initial=0.0))
    for rank, j in enumerate(order(about.values[:, place]), start=1):
        name = about.features[j]
        change = changes.get((label, name))
        moved = change is not None and change.rank != change.baseline_rank
        lines.append(
            f"<tr><td>{_rank(rank, change)}<td>{escape(name)}"
            f'<td class="n">{sizes[j]:.1%}<td>{_share(float(sizes[j]), change, moved=moved)}'
            f'<td class="n">{f"{change.baseline_share:.1%}" if change else ""}<td class="n">{_percent(change)}'
            f"<td>{_strip(local[:, j], furthest)}"
        )
    lines.append("</table>")
    return lines + _predictions(explained, place)


def _score(metric: Metric) -> str:
    if metric.value is None:
        return f"<p>NDCG: {escape(metric.note)}.</p>"
    limit = metric.threshold if metric.threshold is not None else 0.0
    said = "the features no longer matter" if metric.exceeded else "the features still matter"
    bar = _bar(metric.value, limit, ALARM if metric.exceeded else CALM, f"NDCG {number(metric.value)}")
    return f"<p>{bar} NDCG {number(metric.value)}, at least {number(limit)} is asked for: {said} in the same order.</p>"


def _rank(rank: int, change: AttributionChange | None) -> str:
    if change is None:
        return str(rank)
    return str(change.rank) if change.rank == change.baseline_rank else f"{change.baseline_rank} → {change.rank}"


def _percent(change: AttributionChange | None) -> str:
    if change is None:
        return ""
    return "new" if change.change_percent is None else f"{change.change_percent:+.1f} %".replace("-", _MINUS)


def _share(share: float, change: AttributionChange | None, *, moved: bool) -> str:
    return _bar(share, change.baseline_share if change else None, ALARM if moved else CALM, f"{share:.1%}")


def _bar(value: float, tick: float | None, colour: str, text: str) -> str:
    """A bar from the left, 0 to 1, with a mark."""
    mark = ""
    if tick is not None:
        mark = f'<rect x="{_WIDTH * min(tick, 1) - 1:.1f}" y="0" width="2" height="{_HEIGHT}" fill="{MARK}"/>'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label={quoted(text)}>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{GROUND}"/>'
        f'<rect y="2" width="{_WIDTH * value:.1f}" height="{_HEIGHT - 4}" fill="{colour}"/>{mark}</svg>'
    )


def _strip(values: Vector, furthest: float) -> str:
    """How many rows' values lie where, from ``-furthest`` to ``furthest``."""
    if not furthest:
        return ""
    counts, _ = np.histogram(values, bins=_STRIP_BINS, range=(-furthest, furthest))
    width = _WIDTH / _STRIP_BINS
    dots = "".join(
        f'<rect x="{i * width:.0f}" y="1" width="{width:.0f}" height="{_HEIGHT - 2}" fill="{CALM}" '
        f'opacity="{0.15 + 0.85 * (count / counts.max()) ** 0.5:.2f}"/>'
        for i, count in enumerate(counts)
        if count
    )
    text = f"{number(float(values.min()))} to {number(float(values.max()))}"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label={quoted(text)}>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{GROUND}"/>{dots}'
        f'<rect x="{_WIDTH / 2}" y="0" width="1" height="{_HEIGHT}" fill="{MARK}"/></svg>'
    )


def _predictions(explained: Explained, place: int) -> list[str]:
    """The rows whose outputs lie farthest from the expected one, each with what moved it most."""
    outputs, expected = explained.explanation.outputs[:, place], explained.explanation.expected[place]
    local = explained.explanation.values[:, :, place]
    shown = np.argsort(-np.abs(outputs - expected), kind="stable")[:_PREDICTIONS]
    lines = [
        "<h3>Predictions farthest from the expected value</h3>",
        "<table><tr><th>Prediction<th>Output<th>What moved it most",
    ]
    for row in shown:
        reasons = ", ".join(
            f"{escape(explained.about.features[j])} {local[row, j]:+.3g}".replace(" -", f" {_MINUS}")
            for j in order(local[row])[:_REASONS]
            if local[row, j]
        )
        name = explained.ids[row]
        lines.append(f'<tr><td>{escape(name or "")}<td class="n">{number(float(outputs[row]))}<td>{reasons}')
    lines.append("</table>")
    return lines
