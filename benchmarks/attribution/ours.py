"""Every row in one call: ``ours.py folder [sampled rows]``; with a number, by sampled coalitions, as of any model."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from attribution import demo
from endpointwatch.metrics.attribution.explain import Asked, explain
from harness.inside import Work, tell


@dataclass(frozen=True, slots=True)
class Model:
    """The demo's model; without ``estimator`` only its answers are known."""

    answers: Any
    estimator: Any

    def predict(self, rows: Any) -> Any:
        return self.answers.predict_proba(rows)[:, 1:]


def main() -> None:
    folder = Path(sys.argv[1])
    sampled = int(sys.argv[2]) if len(sys.argv) > 2 else 0  # noqa: PLR2004 (the folder is the first)
    estimator, rows, baseline = demo.load(folder)
    model = Model(estimator, None if sampled else estimator)
    with Work() as work:
        found = explain(model, rows[: sampled or None], baseline, Asked())
    np.save(folder / ("sampled.npy" if sampled else "ours.npy"), found.values[:, :, 0])
    tell(work, rows=len(found.values), method=found.method, exact=found.exact, gap=found.gap)


if __name__ == "__main__":
    main()
