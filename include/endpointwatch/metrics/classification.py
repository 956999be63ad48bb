"""Metrics of a classifier from its confusion matrix, as Model Monitor names them, computed by scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

Matrix = NDArray[np.int64] | NDArray[np.float64]
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
    actual, predicted, weight = _long(matrix)
    scores = dict(_scores(actual == positive, predicted == positive, weight, "binary"))
    negative = 1 - positive
    no_alarm = _share(matrix[negative, negative], matrix[negative].sum())
    found = _share(matrix[positive, positive], matrix[positive].sum())
    return {
        "recall": scores["recall"],
        "precision": scores["precision"],
        "accuracy": float(accuracy_score(actual, predicted, sample_weight=weight)),
        "true_positive_rate": found,
        "true_negative_rate": no_alarm,
        "false_positive_rate": _share(matrix[negative, positive], matrix[negative].sum()),
        "false_negative_rate": _share(matrix[positive, negative], matrix[positive].sum()),
        **{name: scores[name] for name, _ in BETAS},
    }


def multiclass(matrix: Matrix) -> dict[str, float]:
    """Accuracy, and the averages of every class's scores weighted by the class's share of the true labels.

    Args:
        matrix: Rows by class (first axis) and predicted class, shape ``(classes, classes)``, at least one row.
    """
    actual, predicted, weight = _long(matrix)
    scores = dict(_scores(actual, predicted, weight, "weighted"))
    accuracy = float(accuracy_score(actual, predicted, sample_weight=weight))
    return {"accuracy": accuracy, **{f"weighted_{name}": value for name, value in scores.items()}}


def best_constant(matrix: Matrix) -> Matrix:
    """The confusion matrix of always answering the most frequent class; of equally frequent ones the first."""
    constant = np.zeros_like(matrix)
    sums = matrix.sum(axis=1)
    constant[:, int(np.argmax(sums))] = sums
    return constant


def twins(scores: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    """The scores called ``names`` under the names that AWS gives those of the best constant classifier."""
    return {f"{name}{_TWIN}": scores[name] for name in names}


def _scores(
    actual: NDArray[np.int64], predicted: NDArray[np.int64], weight: NDArray[np.float64], average: str
) -> Iterator[tuple[str, float]]:
    for name, beta in BETAS:
        precision, recall, f_score, _ = precision_recall_fscore_support(
            actual, predicted, beta=beta, average=average, sample_weight=weight, zero_division=0.0
        )
        if name == BETAS[0][0]:
            yield "recall", float(recall)
            yield "precision", float(precision)
        yield name, float(f_score)


def _long(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """A class, a prediction and a weight for each cell that has rows."""
    actual, predicted = np.nonzero(matrix)
    return actual, predicted, matrix[actual, predicted].astype(np.float64)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
