"""Explain some rows of a model: exactly where its structure allows it, by sampled coalitions where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.attribution import additive, sampling, trees
from endpointwatch.metrics.attribution.explanation import TOLERANCE, Explanation, Matrix, Model
from endpointwatch.metrics.attribution.sigmoid import sigmoid

#: The exact ways, tried in this order, with what they are called in reports.
EXACT = (("linear", additive.values), ("tree_shap", trees.values))
SAMPLED, ENUMERATED = "kernel_shap", "enumeration"
AT_ONCE = 200_000
_FLOOR = 1e-15


@dataclass(frozen=True, slots=True)
class Asked:
    """What an explanation is to be.

    Attributes:
        use_logit: Explain log-odds instead of probabilities; outputs must then lie between 0 and 1.
        samples: Coalitions where they are sampled; None takes as many as ``shap`` does.
        seed: Of the sampling.
        at_once: Rows the model is asked for in one call, about.
    """

    use_logit: bool = False
    samples: int | None = None
    seed: int = 0
    at_once: int = AT_ONCE


def explain(model: Model, rows: NDArray[Any], baseline: NDArray[Any], asked: Asked) -> Explanation:
    """Shapley values of ``rows`` against a baseline.

    Args:
        model: What is explained.
        rows: Shape ``(rows, features)``, at least one row.
        baseline: Shape ``(baseline rows, features)``; of several the values are the mean.
        asked: How.

    Returns:
        The explanation, its additivity checked. Where a budget ended the work, of the first rows only, perhaps none.

    Raises:
        ModelError: The model does not answer, or the values do not add up to its output.
        BudgetError: Not even the model's answers to ``rows`` and ``baseline`` could be had.
    """
    told = _Outputs(model, asked.use_logit)
    answers = told.of(np.vstack([baseline, rows]))
    empty, full = answers[: len(baseline)], answers[len(baseline) :]
    parts: list[tuple[NDArray[np.float64], str, str | None]] = []
    for i in range(len(baseline)):
        exact = _exact(model, rows, baseline[i], np.vstack([empty[i : i + 1], full]), asked)
        parts.append(exact or _sampled(told, rows, baseline[i], np.vstack([empty[i : i + 1], full]), asked))
    explained = min(len(values) for values, _, _ in parts)
    methods = sorted({method for _, method, _ in parts})
    return Explanation(
        values=np.mean([values[:explained] for values, _, _ in parts], axis=0),
        expected=empty.mean(axis=0),
        outputs=full[:explained],
        method=", ".join(methods),
        exact=SAMPLED not in methods,
        cut_short=next((reason for _, _, reason in parts if reason), None),
    ).checked()


@dataclass(frozen=True, slots=True)
class _Outputs:
    """The model's outputs in the unit that is explained."""

    model: Model
    use_logit: bool

    def of(self, rows: NDArray[Any]) -> Matrix:
        outputs = self.model.predict(rows)
        if not self.use_logit:
            return outputs
        margin = self._margin(rows)
        if margin is not None and np.abs(sigmoid(margin) - outputs).max(initial=0.0) <= TOLERANCE:
            # Also where the probability is 1 to the last digit, so that its log-odds could not be told from it.
            return margin
        inside = np.clip(outputs, _FLOOR, 1 - _FLOOR)
        return np.asarray(np.log(inside / (1 - inside)))

    def _margin(self, rows: NDArray[Any]) -> Matrix | None:
        """The log-odds before they became probabilities, where an estimator of two classes tells them."""
        estimator = self.model.estimator
        told = getattr(estimator, "decision_function", None)
        if told is None or rows.dtype == object or len(getattr(estimator, "classes_", ())) != 2:  # noqa: PLR2004
            return None
        return np.asarray(told(rows), np.float64).reshape(len(rows), 1)


def _exact(
    model: Model, rows: NDArray[Any], baseline: NDArray[Any], outputs: Matrix, asked: Asked
) -> tuple[NDArray[np.float64], str, None] | None:
    """The values by the first exact way that explains what the model really answers; None when there is none."""
    if model.estimator is None or rows.dtype == object:
        return None
    for method, values in EXACT:
        found = values(model.estimator, rows, baseline, use_logit=asked.use_logit)
        if found is None or found.shape[2] != outputs.shape[1]:
            continue
        # The structure was read off the estimator's class; whether it is the model, only its answers can tell.
        gap = np.abs(found.sum(axis=1) - (outputs[1:] - outputs[0])).max(initial=0.0)
        if gap <= TOLERANCE:
            return found, method, None
    return None


def _sampled(
    told: _Outputs, rows: NDArray[Any], baseline: NDArray[Any], outputs: Matrix, asked: Asked
) -> tuple[NDArray[np.float64], str, str | None]:
    features = rows.shape[1]
    drawn = sampling.Coalitions.drawn(features, asked.samples or sampling.default_samples(features), asked.seed)
    values, reason = sampling.shapley(told.of, rows, baseline, drawn, outputs, at_once=asked.at_once)
    return values, ENUMERATED if drawn.complete else SAMPLED, reason
