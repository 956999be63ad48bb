"""The feature-attribution monitor: global Shapley values, held against the baseline's by NDCG.

There is no mergeable state: which rows are explained is a sample of the window. ``suggest`` makes the document that is
both Clarify's report and the constraints (``analysis.json``), ``check`` holds a window's against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.errors import BaselineError
from endpointwatch.metrics.attribution.drift import Change, changes, ndcg
from endpointwatch.metrics.attribution.explanation import Aggregation, Explanation, aggregate
from endpointwatch.monitors.findings import AttributionChange, Findings, Metric, Violation

NAME = "attribution"
CHECK = "feature_attribution_drift_check"


@dataclass(frozen=True, slots=True)
class Attributions:
    """The global values of a model's outputs.

    Attributes:
        features: Their names, in the model's order.
        labels: The outputs' names.
        values: Shape ``(features, labels)``.
        expected: Outputs for the baseline row, shape ``(labels,)``.
    """

    features: tuple[str, ...]
    labels: tuple[str, ...]
    values: NDArray[np.float64]
    expected: NDArray[np.float64]

    def document(self) -> dict[str, Any]:
        """``analysis.json`` in Clarify's schema; the method is called `kernel_shap` there however it was done."""
        told = {
            label: {
                "global_shap_values": dict(zip(self.features, map(float, self.values[:, i]), strict=True)),
                "expected_value": float(self.expected[i]),
            }
            for i, label in enumerate(self.labels)
        }
        return {"version": "1.0", "explanations": {"kernel_shap": told}}

    @classmethod
    def read(cls, document: Mapping[str, Any], source: str) -> Attributions:
        """Out of an ``analysis.json``, ours or Clarify's.

        Raises:
            BaselineError: The document has no global SHAP values, or its labels have different features.
        """
        try:
            found: Mapping[str, Any] = document["explanations"]["kernel_shap"]
            columns = {str(label): told["global_shap_values"] for label, told in found.items()}
            features = tuple(next(iter(columns.values())))
            values = np.array([[told[name] for told in columns.values()] for name in features], np.float64)
            expected = np.array([told["expected_value"] for told in found.values()], np.float64)
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
            raise BaselineError(
                f"{source} holds no explanations.kernel_shap.<label>.global_shap_values ({error!r}). Baseline again."
            ) from error
        return cls(features, tuple(columns), values, expected)


def suggest(
    explanation: Explanation, features: Sequence[str], labels: Sequence[str], method: Aggregation
) -> Attributions:
    """The global values of explained rows: a window's, or those a baseline asks for.

    Args:
        explanation: Of at least one row.
        features: Names in the model's order.
        labels: Names of its outputs; missing ones are ``label0``, ``label1``, …
        method: How local values become global ones.
    """
    outputs = explanation.values.shape[2]
    names = (*labels, *(f"label{i}" for i in range(len(labels), outputs)))[:outputs]
    return Attributions(tuple(features), names, aggregate(explanation.values, method), explanation.expected)


def check(current: Attributions, baseline: Attributions, threshold: float) -> Findings:
    """Hold a window's global values against the baseline's: one NDCG an output, a violation below ``threshold``.

    Raises:
        BaselineError: The two are about other features or another number of outputs.
    """
    places = _places(current, baseline)
    metrics: list[Metric] = []
    violations: list[Violation] = []
    for i, label in enumerate(baseline.labels):
        score = ndcg(baseline.values[:, i], current.values[places, i])
        broken = score is not None and score < threshold
        note = "" if score is not None else "every attribution of the baseline is 0, so there is no order to keep"
        metrics.append(
            Metric(name="ndcg", value=score, threshold=threshold, exceeded=broken, label=label, note=note),
        )
        if broken:
            # Clarify's wording: it says "exceeds" although the value is below.
            text = f"Feature attribution drift {score} exceeds threshold {threshold}"
            violations.append(Violation(label=label, metric_name="shap", constraint_check_type=CHECK, description=text))
    return Findings(violations=tuple(violations), metrics=tuple(metrics))


def changed(current: Attributions, baseline: Attributions) -> tuple[AttributionChange, ...]:
    """What became of every feature, label by label, the largest change of share first.

    Raises:
        BaselineError: As :func:`check`.
    """
    places = _places(current, baseline)
    told: list[AttributionChange] = []
    for i, label in enumerate(baseline.labels):
        then, now = baseline.values[:, i], current.values[places, i]
        of_label = [
            _change(label, name, float(then[j]), float(now[j]), change)
            for j, (name, change) in enumerate(zip(baseline.features, changes(then, now), strict=True))
        ]
        told += sorted(of_label, key=lambda one: (-abs(one.share - one.baseline_share), one.baseline_rank))
    return tuple(told)


def _change(label: str, name: str, then: float, now: float, change: Change) -> AttributionChange:
    return AttributionChange(
        label=label,
        feature_name=name,
        baseline_value=then,
        value=now,
        baseline_share=change.baseline_share,
        share=change.share,
        change_percent=change.percent,
        baseline_rank=change.baseline_rank,
        rank=change.rank,
    )


def _places(current: Attributions, baseline: Attributions) -> list[int]:
    """Where the baseline's features stand in ``current``; its outputs are matched by place, since names may be new."""
    if set(current.features) != set(baseline.features) or len(current.labels) != len(baseline.labels):
        raise BaselineError(
            f"The baseline explains {len(baseline.labels)} outputs by {sorted(baseline.features)}; now there are "
            f"{len(current.labels)} outputs and {sorted(current.features)}. Baseline again."
        )
    return [current.features.index(name) for name in baseline.features]
