"""Trees and forests, exactly: Tree SHAP against the baseline row, by the library ``shap``."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.metrics.attribution.columns import Prepared

Matrix = NDArray[np.float64]
_log = logging.getLogger(__name__)
_TREES = ("DecisionTree", "ExtraTree", "RandomForest", "GradientBoosting", "HistGradientBoosting", "XGB", "LGBM")
_BOOSTED = ("GradientBoosting", "HistGradientBoosting", "XGB", "LGBM")


def values(estimator: Any, rows: Matrix, baseline: Matrix, *, use_logit: bool) -> NDArray[np.float64] | None:
    """Shapley values of a tree or an ensemble of trees, shape ``(rows, features, outputs)``; None when it is none.

    Boosted classifiers add up log-odds, forests probabilities; Tree SHAP is exact for what adds up. For a boosted
    classifier's probability the library rescales the log-odds' values, which are then no Shapley values any more, and
    with missing values its values do not add up at all. These cases are left to sampling.

    Args:
        estimator: Fitted, perhaps a pipeline whose steps work column by column.
        rows: Shape ``(rows, features)``; NaN is missing.
        baseline: Shape ``(features,)``.
        use_logit: Whether the log-odds of a classifier are explained instead of its probability.
    """
    parts = Prepared.of(estimator)
    name = type(parts.final).__name__ if parts else ""
    if parts is None or not name.startswith(_TREES):
        return None
    classes = len(getattr(parts.final, "classes_", ()))
    if classes and use_logit != (name.startswith(_BOOSTED) and classes == 2):  # noqa: PLR2004 (one log-odds)
        return None
    prepared = parts.columns(np.vstack([baseline, rows]))
    if prepared is None or not np.isfinite(prepared).all():
        return None
    import shap  # noqa: PLC0415 - takes seconds to import; linear and sampled explanations do without

    try:
        explainer = shap.TreeExplainer(parts.final, data=prepared[:1], feature_perturbation="interventional")
        found = np.asarray(explainer.shap_values(prepared[1:], check_additivity=False), np.float64)
    except Exception as error:  # noqa: BLE001 (the library refuses what it does not know in many ways)
        # Categorical splits, another loss, several classes of a boosted model: sampling explains these.
        _log.info("shap does not explain %s (%s); its coalitions are sampled", name, " ".join(str(error).split()))
        return None
    found = found if found.ndim == 3 else found[:, :, None]  # noqa: PLR2004 (an axis for outputs only if several)
    # The probability of the second class is the one that a classifier of two is asked for.
    return found[:, :, 1:] if classes == 2 and found.shape[2] == 2 else found  # noqa: PLR2004
