"""Linear models, exactly: each feature adds its own term, before the link if there is one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.attribution import sigmoid
from endpointwatch.metrics.attribution.columns import Prepared

Matrix = NDArray[np.float64]


def values(estimator: Any, rows: Matrix, baseline: Matrix, *, use_logit: bool) -> NDArray[np.float64] | None:
    """Shapley values of a linear model, shape ``(rows, features, outputs)``; None when ``estimator`` is none.

    Args:
        estimator: Fitted, perhaps a pipeline whose steps work column by column.
        rows: Shape ``(rows, features)``; NaN is missing.
        baseline: Shape ``(features,)``.
        use_logit: Of a classifier: explain the log-odds (exact by one product) instead of the probability.

    A classifier of more than two classes is not additive behind its softmax, and one whose rows reach too far is left
    to others as well.
    """
    parts = Prepared.of(estimator)
    if parts is None or not hasattr(parts.final, "coef_"):
        return None
    coefficients = np.atleast_2d(np.asarray(parts.final.coef_, np.float64))
    prepared = parts.columns(np.vstack([baseline, rows]))
    if prepared is None or coefficients.shape[1] != rows.shape[1]:
        return None
    # Terms of every output: (rows, features, outputs).
    terms = np.asarray((prepared[1:] - prepared[0])[:, :, None] * coefficients.T, np.float64)
    if hasattr(parts.final, "predict_proba"):
        offset = float((prepared[0] @ coefficients[0] + np.ravel(parts.final.intercept_)[0]).item())
        return _of_classifier(terms, offset, len(parts.final.classes_), use_logit=use_logit)
    return terms if hasattr(parts.final, "predict") and not hasattr(parts.final, "classes_") else None


def _of_classifier(
    terms: NDArray[np.float64], offset: float, classes: int, *, use_logit: bool
) -> NDArray[np.float64] | None:
    if terms.shape[2] != 1 or classes != 2:  # noqa: PLR2004 (two classes: one log-odds)
        return None
    if use_logit:
        return terms
    if sigmoid.reach(terms[:, :, 0], offset).max(initial=0.0) > sigmoid.WIDEST:
        return None
    return sigmoid.shapley(terms[:, :, 0], offset)[:, :, None]
