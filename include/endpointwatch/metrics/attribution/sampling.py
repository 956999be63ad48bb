"""Kernel SHAP for any model: one set of coalitions for all rows, many rows' coalitions in one call of the model.

Since the coalitions are shared, the regression's solution is one matrix: the values of all rows are a matrix product.
Coalitions come with their complements, and sizes that fit into the budget are enumerated; when all coalitions fit, the
values are exact.

References:
    Lundberg & Lee (2017), "A Unified Approach to Interpreting Model Predictions"; Covert & Lee (2021), "Improving
    KernelSHAP: Practical Shapley Value Estimation via Linear Regression" (paired coalitions).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.errors import BudgetError

Matrix = NDArray[np.float64]
Predict = Callable[[NDArray[Any]], Matrix]


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Which features keep the row's value; the others take the baseline's.

    Attributes:
        members: Shape ``(coalitions, features)``; neither the empty one nor that of all features.
        weights: Shape ``(coalitions,)``, adding up to 1.
        complete: Whether these are all there are.
    """

    members: NDArray[np.bool_]
    weights: NDArray[np.float64]
    complete: bool

    @classmethod
    def drawn(cls, features: int, count: int, seed: int) -> Coalitions:
        """About ``count`` coalitions of so many features, weighted by Shapley's kernel."""
        # A size and its complement's go together: 1 with features - 1, and so on.
        sizes = range(1, features // 2 + 1)
        paired = [2 * size != features for size in sizes]
        numbers = [comb(features, size) * (1 + pair) for size, pair in zip(sizes, paired, strict=True)]
        kernel = np.array([(1 + pair) / (size * (features - size)) for size, pair in zip(sizes, paired, strict=True)])
        kernel = kernel / kernel.sum() if len(kernel) else kernel
        members: list[NDArray[np.bool_]] = []
        weights: list[NDArray[np.float64]] = []
        left, whole = count, 0
        for size, number in zip(sizes, numbers, strict=True):
            # A size is taken whole when its fair part of what is left covers it, or everything fits.
            if sum(numbers[whole:]) > left and number > left * kernel[whole] / kernel[whole:].sum():
                break
            members.append(_all_of(features, size))
            weights.append(np.full(number, kernel[whole] / number))
            left -= number
            whole += 1
        rest = kernel[whole:]
        if len(rest):
            drawn, times = _some(features, np.arange(whole + 1, features // 2 + 1), rest, max(left // 2, 1), seed)
            members.append(drawn)
            weights.append(rest.sum() * times / times.sum())
        if not members:
            return cls(np.zeros((0, features), np.bool_), np.zeros(0), complete=True)
        return cls(np.vstack(members), np.concatenate(weights), complete=not len(rest))


def default_samples(features: int) -> int:
    """How many coalitions are drawn unless told otherwise: as many as the library ``shap`` draws."""
    return 2 * features + 2048


def shapley(
    predict: Predict,
    rows: NDArray[Any],
    baseline: NDArray[Any],
    coalitions: Coalitions,
    outputs: Matrix,
    *,
    at_once: int,
) -> tuple[NDArray[np.float64], str | None]:
    """Shapley values of ``rows`` against one baseline row.

    Args:
        predict: The model: ``(n, features)`` to ``(n, outputs)``.
        rows: Shape ``(rows, features)``.
        baseline: Shape ``(features,)``.
        coalitions: For so many features.
        outputs: The model's answers to the baseline and to the rows, shape ``(1 + rows, outputs)``.
        at_once: Rows that the model is asked for in one call, about; a row's coalitions are never asked for apart.

    Returns:
        Values of shape ``(explained, features, outputs)``, and why fewer rows than given were explained, or None.
    """
    features, count = rows.shape[1], len(coalitions.members)
    empty, answers = outputs[0], outputs[1:]
    solution = _Solution(coalitions)
    step = max(1, at_once // max(1, count))
    found = [np.zeros((0, features, len(empty)))]
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        asked = np.where(coalitions.members, part[:, None, :], baseline).reshape(-1, features)
        try:
            told = predict(asked) if len(asked) else np.zeros((0, len(empty)))
        except BudgetError as error:
            return np.concatenate(found), str(error)
        told = told.reshape(len(part), count, len(empty)) - empty
        found.append(solution.values(told, answers[start : start + step] - empty))
    return np.concatenate(found), None


class _Solution:
    """The weighted least squares under the condition that the values add up, as a matrix."""

    def __init__(self, coalitions: Coalitions) -> None:
        members = coalitions.members.astype(np.float64)
        self.features = members.shape[1]
        weighted = members.T * coalitions.weights
        # One feature has nothing to divide; fewer coalitions than features leave the system to its shortest solution.
        self.inverse = np.linalg.pinv(weighted @ members, hermitian=True) if len(members) else np.eye(self.features)
        self.weighted = weighted
        self.share = self.inverse.sum(axis=1) / self.inverse.sum()

    def values(self, told: NDArray[np.float64], total: Matrix) -> NDArray[np.float64]:
        """Values, shape ``(rows, features, outputs)``.

        Args:
            told: Outputs of the coalitions less the baseline's, shape ``(rows, coalitions, outputs)``.
            total: Outputs of the rows less the baseline's, shape ``(rows, outputs)``.
        """
        free = np.einsum("fc,rco->rfo", self.inverse @ self.weighted, told, optimize=True)
        left = total - free.sum(axis=1)
        return np.asarray(free + self.share[:, None] * left[:, None, :])


def _all_of(features: int, size: int) -> NDArray[np.bool_]:
    """Every coalition of ``size`` features, and, unless that is half of them, of all but so many."""
    chosen = np.array(list(combinations(range(features), size)))
    members = np.zeros((len(chosen), features), np.bool_)
    np.put_along_axis(members, chosen, values=True, axis=1)
    return members if 2 * size == features else np.vstack([members, ~members])


def _some(
    features: int, sizes: NDArray[np.intp], kernel: NDArray[np.float64], pairs: int, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Random coalitions of these sizes with their complements, each once, and how often each was drawn."""
    random = np.random.default_rng(seed)
    size = random.choice(sizes, size=pairs, p=kernel / kernel.sum())
    rank = np.argsort(np.argsort(random.random((pairs, features)), axis=1), axis=1)
    drawn = rank < size[:, None]
    members, times = np.unique(np.vstack([drawn, ~drawn]), axis=0, return_counts=True)
    return members, times.astype(np.float64)
