"""Shapley values of some rows, the promise they keep, and one number a feature out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from endpointwatch.errors import ModelError

Matrix = NDArray[np.float64]
Aggregation = Literal["mean_abs", "median", "mean_sq"]
TOLERANCE = 1e-6


class Model(Protocol):
    """A model as an explainer sees it: a function of rows, and perhaps the estimator that computes it."""

    @property
    def estimator(self) -> Any:
        """A fitted scikit-learn estimator that answers the same as :meth:`predict`; None where none is at hand."""

    def predict(self, rows: NDArray[Any]) -> Matrix:
        """The outputs of ``rows``, shape ``(rows, outputs)``; a row has one value for each feature.

        Raises:
            ModelError: The model cannot answer.
        """


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the model answered each row as it did, against a baseline.

    Attributes:
        values: Shapley values, shape ``(rows, features, outputs)``: what each feature adds to the output.
        expected: Output for the baseline, shape ``(outputs,)``.
        outputs: The model's own answers to the rows, shape ``(rows, outputs)``.
        method: How the values were found.
        exact: Whether they are exact but for rounding; sampled ones are not.
        cut_short: Why not all rows were explained; None when they were. The first ones were.
    """

    values: NDArray[np.float64]
    expected: NDArray[np.float64]
    outputs: Matrix
    method: str
    exact: bool
    cut_short: str | None = None

    @property
    def gap(self) -> float:
        """The largest difference of ``expected + the row's values`` from the row's output."""
        return float(np.abs(self.values.sum(axis=1) + self.expected - self.outputs).max(initial=0.0))

    def checked(self) -> Explanation:
        """The explanation itself, if its values add up.

        Raises:
            ModelError: They do not, for at least one row: they explain another function than the model's.
        """
        if not self.gap <= TOLERANCE:
            raise ModelError(
                f"The attributions by {self.method} do not add up to the model's output: they are off by "
                f"{self.gap:.3g} (at most {TOLERANCE:g} is allowed). The model does not answer equal rows equally, "
                "or the artefact is read as another model than it is; use `model: {source: endpoint}`."
            )
        return self


def aggregate(values: NDArray[np.float64], method: Aggregation) -> Matrix:
    """Global values: one number a feature and output.

    Args:
        values: Shape ``(rows, features, outputs)``, at least one row.
        method: Mean of the absolute values, their median (signed), or mean of the squares, as Clarify's `agg_method`.

    Returns:
        Shape ``(features, outputs)``.
    """
    if method == "median":
        return np.asarray(np.median(values, axis=0))
    return np.asarray(np.abs(values).mean(axis=0) if method == "mean_abs" else np.square(values).mean(axis=0))
