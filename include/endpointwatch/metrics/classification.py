"""Metrics of a classifier from its confusion matrix, as Model Monitor names them.

scikit-learn takes rows, and a state has only their counts, so the arithmetic stands here; the tests hold it against
scikit-learn's on the same rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.int64] | NDArray[np.float64]
Numbers = NDArray[np.float64]
BETAS = (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))
_TWIN = "_best_constant_classifier"


def binary(matrix: Matrix, positive: int) -> dict[str, float]:
    """The rates and F-scores of two classes; 0.0 where a rate's denominator is 0.

    Args:
        matrix: Rows by class (first axis) and predicted class, shape ``(2, 2)``, at least one row.
        positive: Place of the positive class.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
    """
    negative = 1 - positive
    found, lost = float(matrix[positive, positive]), float(matrix[positive, negative])
    quiet, alarms = float(matrix[negative, negative]), float(matrix[negative, positive])
    recall = _share(found, found + lost)
    return {
        "recall": recall,
        "precision": _share(found, found + alarms),
        "accuracy": (found + quiet) / (found + lost + quiet + alarms),
        "true_positive_rate": recall,
        "true_negative_rate": _share(quiet, quiet + alarms),
        "false_positive_rate": _share(alarms, quiet + alarms),
        "false_negative_rate": _share(lost, found + lost),
        **{name: _share((1 + b * b) * found, (1 + b * b) * found + b * b * lost + alarms) for name, b in BETAS},
    }


def multiclass(matrix: Matrix) -> dict[str, float]:
    """Accuracy, and the averages of every class's scores weighted by the class's share of the true labels.

    Args:
        matrix: Rows by class (first axis) and predicted class, shape ``(classes, classes)``, at least one row.
    """
    found = np.diagonal(matrix).astype(np.float64)
    actual, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    rows = float(actual.sum())
    scores = {
        "recall": _shares(found, actual),
        "precision": _shares(found, predicted),
        # (1 + b²) TP / ((1 + b²) TP + b² FN + FP), with TP + FN the rows of the class and TP + FP its predictions.
        **{name: _shares((1 + b * b) * found, b * b * actual + predicted) for name, b in BETAS},
    }
    weighted = {f"weighted_{name}": float((each * actual).sum() / rows) for name, each in scores.items()}
    return {"accuracy": float(found.sum() / rows), **weighted}


def best_constant(matrix: Matrix) -> Matrix:
    """The confusion matrix of always answering the most frequent class; of equally frequent ones the first."""
    constant = np.zeros_like(matrix)
    sums = matrix.sum(axis=1)
    constant[:, int(np.argmax(sums))] = sums
    return constant


def twins(scores: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    """The scores called ``names`` under the names that AWS gives those of the best constant classifier."""
    return {f"{name}{_TWIN}": scores[name] for name in names}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _shares(part: Numbers, whole: Matrix) -> Numbers:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
