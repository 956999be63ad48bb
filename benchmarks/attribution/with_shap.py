"""The first rows by ``shap.KernelExplainer`` with its default settings: ``with_shap.py folder rows``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import shap

from attribution import demo
from harness.inside import Work, tell


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    estimator, rows, baseline = demo.load(folder)
    np.random.seed(0)  # noqa: NPY002 (the library draws from it)
    explainer = shap.KernelExplainer(lambda data: estimator.predict_proba(data)[:, 1], baseline)
    with Work() as work:
        values = explainer.shap_values(rows[:count], silent=True)
    np.save(folder / "shap.npy", values)
    tell(work, rows=count, version=shap.__version__)


if __name__ == "__main__":
    main()
