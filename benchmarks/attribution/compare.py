"""Attribution of 10,000 rows of the demo's model against ``shap.KernelExplainer``: time, and error against the truth.

The truth is the definition: all 2^26 coalitions of a row, gone through for a few rows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from math import comb
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from attribution import demo
from harness.child import Measured, measure
from harness.report import Report, keep, show

HERE = Path(__file__).parent
ROWS, SHAP_ROWS, TRUE_ROWS = 10_000, 100, 3
GOAL = 10


def compare(rows: int = ROWS, shap_rows: int = SHAP_ROWS) -> Report:
    """Both on the same model and rows; ``shap`` on the first ``shap_rows``, its time scaled to all."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        demo.make(folder, rows)
        ours = _run("ours.py", place)
        sampled = _run("ours.py", place, shap_rows)
        theirs = _run("with_shap.py", place, shap_rows)
        truth = true_values(folder, TRUE_ROWS)
        errors = {name: _error(folder / f"{name}.npy", truth) for name in ("ours", "sampled", "shap")}
        # Where there is no enumeration our exact values stand for it; they are told from it above.
        near = np.load(folder / "ours.npy")[:shap_rows]
        errors |= {f"{name} on all": _error(folder / f"{name}.npy", near) for name in ("sampled", "shap")}
    speedup = _per_row(theirs) / _per_row(ours)
    assert errors["ours"] <= errors["shap"], errors  # noqa: S101 (else the times are no comparison)
    return Report(
        name="bias-attribution-attribution",
        title="Attribution",
        intro=f"Shapley values of the probability of the demo's model (logistic regression, 26 features) against one "
        f"baseline row, in one call. Goal: {GOAL} times faster than `shap.KernelExplainer` at no larger error.",
        heads=("What", "Rows", "Seconds", "CPU s", "CPU ms a row", "Largest error", "Mean error"),
        rows=[
            _cells("EndpointWatch, exact", ours, errors["ours"]),
            _cells("EndpointWatch, sampled as any model", sampled, errors["sampled on all"]),
            _cells(f"shap.KernelExplainer {theirs.told['version']}", theirs, errors["shap on all"]),
        ],
        notes=[
            _about_time(rows, shap_rows, theirs),
            _about_errors(errors),
            "Both sampled ways draw 2,100 coalitions; KernelExplainer draws anew for each row and keeps 10 features.",
        ],
        ratios={
            "attribution_speedup": speedup,
            "attribution_sampled_speedup": _per_row(theirs) / _per_row(sampled),
        },
        more={
            "ours": ours.document(), "sampled": sampled.document(), "shap": theirs.document(),
            "errors": errors,
        },
    )  # fmt: skip


def _about_time(rows: int, shap_rows: int, theirs: Measured) -> str:
    return (
        f"KernelExplainer was timed on {shap_rows} rows with its default settings; the ratio is of CPU time a row. At "
        f"that rate {rows:,} rows would take it {rows * _per_row(theirs):.0f} CPU s: reckoned, not measured."
    )


def _about_errors(errors: dict[str, tuple[float, float]]) -> str:
    return (
        f"Errors of the exact values are against all 2^26 coalitions of {TRUE_ROWS} rows (where KernelExplainer's "
        f"largest is {errors['shap'][0]:.1e} and the sampled ones' {errors['sampled'][0]:.1e}); of the others against "
        "the exact values, over all their rows. Values are probabilities."
    )


def true_values(folder: Path, count: int) -> NDArray[np.float64]:
    """Shapley values of the first rows by the definition, over every coalition of the log-odds' terms."""
    estimator, rows, baseline = demo.load(folder)
    prepared = estimator[:-1].transform(np.vstack([baseline, rows[:count]]))
    terms = (prepared[1:] - prepared[0]) * estimator[-1].coef_[0]
    start = float(prepared[0] @ estimator[-1].coef_[0] + estimator[-1].intercept_[0])
    return np.array([_by_definition(row, start) for row in terms])


def _by_definition(terms: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """All coalitions of a row: for each of the second half of the features, those of the first half at once."""
    features, half = len(terms), len(terms) // 2
    low, high = _subsets(half), _subsets(features - half)
    sums, sizes = low @ terms[:half], low.sum(axis=1).astype(int)
    # A coalition counts for a feature that is in it, and against one that is not.
    inside = np.array([0.0] + [1 / (features * comb(features - 1, size - 1)) for size in range(1, features + 1)])
    outside = np.array([1 / (features * comb(features - 1, size)) for size in range(features)] + [0.0])
    found = np.zeros(features)
    for members in high:
        value = 0.5 * (1 + np.tanh((start + members @ terms[half:] + sums) / 2))
        size = sizes + int(members.sum())
        gained, lost = value * inside[size], value * outside[size]
        found[:half] += low.T @ gained - (1 - low).T @ lost
        found[half:] += np.where(members > 0, gained.sum(), -lost.sum())
    return found


def _subsets(count: int) -> NDArray[np.float64]:
    return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(np.float64)


def _run(program: str, folder: str, *more: int) -> Measured:
    return measure([sys.executable, str(HERE / program), folder, *map(str, more)])


def _error(path: Path, truth: NDArray[np.float64]) -> tuple[float, float]:
    difference = np.abs(np.load(path)[: len(truth)] - truth)
    return float(difference.max()), float(difference.mean())


def _per_row(measured: Measured) -> float:
    return float(measured.told["work_cpu"]) / float(measured.told["rows"])


def _cells(what: str, measured: Measured, error: tuple[float, float]) -> tuple[str, ...]:
    told: Any = measured.told
    return (
        what, f"{told['rows']:,}", f"{told['seconds']:.2f}", f"{told['work_cpu']:.2f}",
        f"{_per_row(measured) * 1000:.3f}", f"{error[0]:.1e}", f"{error[1]:.1e}",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--shap-rows", type=int, default=SHAP_ROWS)
    parser.add_argument("--keep", action="store_true", help="write the figures into RESULTS.md")
    options = parser.parse_args()
    report = compare(options.rows, options.shap_rows)
    show(report)
    if options.keep:
        keep(report)


if __name__ == "__main__":
    main()
