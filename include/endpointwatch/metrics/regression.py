"""Errors of a regression, as Model Monitor names them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def of_pairs(actual: Numbers, predicted: Numbers, count: NDArray[np.int64]) -> dict[str, float | None]:
    """The errors of pairs that many rows may share.

    Args:
        actual: True values, shape ``(pairs,)``.
        predicted: Predictions, shape ``(pairs,)``.
        count: Rows of each pair, shape ``(pairs,)``, at least one in all.

    Returns:
        ``mae`` and ``rmse`` in the label's unit, ``mse`` in that unit squared, ``r2`` without unit (None where the
        labels do not vary).
    """
    # Takes a second to import, and most jobs do without it.
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score  # noqa: PLC0415

    mse = float(mean_squared_error(actual, predicted, sample_weight=count))
    seen = actual[count > 0]
    varies = bool((seen != seen[0]).any())
    return {
        "mae": float(mean_absolute_error(actual, predicted, sample_weight=count)),
        "mse": mse,
        "rmse": math.sqrt(mse),
        "r2": float(r2_score(actual, predicted, sample_weight=count)) if varies else None,
    }


def of_sums(rows: int, absolute: float, squared: float, spread: float) -> dict[str, float | None]:
    """The same from sums over ``rows`` rows (at least one): of absolute errors, of squared ones, and of the labels'
    squared deviations from their mean.
    """
    mse = squared / rows
    r2 = 1.0 - squared / spread if spread else None
    return {"mae": absolute / rows, "mse": mse, "rmse": math.sqrt(mse), "r2": r2}
