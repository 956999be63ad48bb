"""The model artefact: an estimator with the names it was trained on, as files in one folder.

``model.joblib`` holds only scikit-learn's own classes, so it loads wherever that release of scikit-learn does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from containers.sklearn_example.contract import InputError
from containers.sklearn_example.table import Matrix, Table

SCORE_DECIMALS = 6
RANDOM_STATE = 0


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a caller must know to use the model.

    Attributes:
        label: Name of the column it predicts.
        features: Names of its inputs, in the order in which a request gives them.
        estimator: The hyperparameter ``estimator`` it was trained with.
        rows: Number of training rows.
        metrics: Metric name to value, as printed when it was trained.
    """

    label: str
    features: tuple[str, ...]
    estimator: str
    rows: int
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Model:
    estimator: Any
    metadata: Metadata

    def scores(self, features: Matrix) -> Matrix:
        """Probability of the positive class, shape ``(rows,)``, rounded as it is sent."""
        if not len(features):
            return np.zeros(0)
        positive: Matrix = self.estimator.predict_proba(features)[:, 1]
        return np.round(positive, SCORE_DECIMALS)

    def scores_of(self, table: Table) -> Matrix:
        return self.scores(table.select(self.metadata.features))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(self.estimator, folder / "model.joblib")
        (folder / "metadata.json").write_text(json.dumps(asdict(self.metadata), indent=2, sort_keys=True) + "\n")


def load(folder: Path) -> Model:
    for name in ("model.joblib", "metadata.json"):
        if not (folder / name).exists():
            raise InputError(f"{folder} holds no {name}; it must be what `train` wrote, unpacked from model.tar.gz")
    about = json.loads((folder / "metadata.json").read_text())
    metadata = Metadata(**{**about, "features": tuple(about["features"])})
    return Model(joblib.load(folder / "model.joblib"), metadata)


def hist_gradient_boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - see ESTIMATORS

    return HistGradientBoostingClassifier(random_state=RANDOM_STATE)


def logistic_regression() -> Any:
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 - see ESTIMATORS
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - see ESTIMATORS
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - see ESTIMATORS
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - see ESTIMATORS

    # keep_empty_features: a column with no value at all must not shift the positions of those behind it.
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=1000, random_state=RANDOM_STATE))


# Each imports its own when asked for: loading a model needs only that one, and serving is to start quickly.
ESTIMATORS: dict[str, Callable[[], Any]] = {
    "hist_gradient_boosting": hist_gradient_boosting,
    "logistic_regression": logistic_regression,
}


def estimator(name: str) -> Any:
    if name not in ESTIMATORS:
        raise InputError(f"Hyperparameter `estimator` is {name!r}; it must be one of {sorted(ESTIMATORS)}")
    return ESTIMATORS[name]()
