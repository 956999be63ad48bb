"""How good scores are against labels: one set of metrics for training and for evaluation."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from containers.sklearn_example.contract import InputError
from containers.sklearn_example.table import Matrix

THRESHOLD = 0.5
BINARY = (0.0, 1.0)


def labels(column: Matrix, name: str) -> Matrix:
    """The label column, which must be 0 or 1 in every row."""
    wrong = ~np.isin(column, BINARY)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise InputError(f"Label {name!r} must be 0 or 1 in every row; row {at + 1} has {column[at]:g}")
    return column


def compute(truth: Matrix, scores: Matrix) -> dict[str, float]:
    """AUC, accuracy and F1 at a threshold of 0.5, and log loss (nats).

    Args:
        truth: 0 or 1, shape ``(rows,)``.
        scores: Probability of 1, shape ``(rows,)``.

    Returns:
        Metric name to value. ``auc`` is left out when ``truth`` has one class only: it is then undefined.

    Raises:
        InputError: There are no rows.
    """
    if not len(truth):
        raise InputError("There are no rows to evaluate")
    predicted = (scores >= THRESHOLD).astype(float)
    values = {
        "accuracy": accuracy_score(truth, predicted),
        "f1": f1_score(truth, predicted, zero_division=0.0),
        "log_loss": log_loss(truth, scores, labels=list(BINARY)),
    }
    if len(np.unique(truth)) > 1:
        values["auc"] = roc_auc_score(truth, scores)
    return {name: float(value) for name, value in sorted(values.items())}
