"""The demo's model and rows, for both programs: a logistic regression over 26 features of mortgage applications."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "include")]

import joblib  # noqa: E402 - see ROOT
import numpy as np  # noqa: E402 - see ROOT

MODEL, ROWS = "model.joblib", "rows.npz"


def make(folder: Path, count: int) -> None:
    """Train the demo's model; write it with its applications, repeated to ``count`` rows, and their mean."""
    from containers.sklearn_example.model import logistic_regression  # noqa: PLC0415 - see ROOT
    from loanapp.applications import FEATURES, LABEL, Applications  # noqa: PLC0415 - see ROOT

    frame = Applications.load().frame
    rows = frame.select(FEATURES).to_numpy().astype(np.float64)
    joblib.dump(logistic_regression().fit(rows, frame[LABEL].to_numpy()), folder / MODEL)
    np.savez(folder / ROWS, rows=np.resize(rows, (count, rows.shape[1])), baseline=rows.mean(axis=0)[None])


def load(folder: Path) -> tuple[Any, Any, Any]:
    """Estimator, rows and baseline row."""
    told = np.load(folder / ROWS)
    return joblib.load(folder / MODEL), told["rows"], told["baseline"]
