"""Small models and their artefacts, for the attribution monitor's tests."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import joblib
import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = ("amount", "ratio", "age")


def rows(count: int, *, seed: int = 0, scale: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray[Any, Any]:
    """Inputs: amount matters much, ratio less, age least; ``scale`` lets one of them vary more."""
    random = np.random.default_rng(seed)
    spread = np.array([100.0, 4.0, 10.0]) * scale
    return np.round(random.normal(size=(count, 3)) * spread + np.array([200.0, 10.0, 40.0]), 3)


def pipeline() -> Any:
    """A logistic regression behind an imputer and a scaler."""
    data = rows(400, seed=1)
    z = (data[:, 0] - 200) / 100 * 1.5 + (data[:, 1] - 10) / 4 * 0.7 + (data[:, 2] - 40) / 10 * 0.1
    truth = (np.random.default_rng(2).random(400) < 1 / (1 + np.exp(-z))).astype(int)
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), LogisticRegression()).fit(data, truth)


def archive(model: Any, **texts: str) -> bytes:
    """A ``model.tar.gz`` with ``model.joblib`` and Python files: ``code__inference`` is ``code/inference.py``."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        if model is not None:
            dumped = io.BytesIO()
            joblib.dump(model, dumped)
            add(tar, "model.joblib", dumped.getvalue())
        for name, text in texts.items():
            add(tar, f"{name.replace('__', '/')}.py", text.encode())
    return out.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))
