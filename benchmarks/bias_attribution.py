"""Bias and attribution against the libraries behind Clarify: ``make bench-bias-attribution``.

Bias: all 21 metrics of three facets over the same made-up rows, with ``smclarify`` in an environment of its own. The
flip test is timed apart: it compares every row with its neighbours, the other 20 metrics only count. Attribution is
measured by the programs in ``benchmarks/attribution``.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

from harness.child import ROOT, Measured, measure
from harness.peers import PeerError, python_of, version
from harness.report import Report, keep, show

PROGRAMS = Path(__file__).parent / "bias_programs"
PYTHONPATH = {"PYTHONPATH": f"{ROOT / 'include'}"}
SEED = 5
GOAL = 20


def rows(count: int) -> pl.DataFrame:
    """Made-up applicants: two sensitive categories, an age, an occupation to condition on, and two amounts."""
    rng = np.random.default_rng(SEED)
    gender, region = rng.integers(0, 2, count), rng.integers(0, 5, count)
    age = rng.uniform(18, 80, count)
    label = rng.random(count) < 0.3 + 0.1 * gender
    predicted = np.where(rng.random(count) < 0.8, label, rng.random(count) < 0.35 + 0.1 * (age > 40))  # noqa: PLR2004
    return pl.DataFrame(
        {
            "label": label.astype(np.int64),
            "predicted": predicted.astype(np.int64),
            "gender": gender,
            "region": region,
            "age": age,
            "occupation": rng.integers(0, 10, count),
            "income": rng.lognormal(3.5, 0.5, count),
            "hours": rng.normal(40, 8, count),
        }
    )


def compare(count: int) -> Report:
    """Both over ``count`` rows; raises ``AssertionError`` when a metric differs."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "rows.csv"
        rows(count).write_csv(data)
        ours = measure([sys.executable, str(PROGRAMS / "ours.py"), str(data)], environment=PYTHONPATH)
        theirs: Measured | None = None
        notes = [
            "Seconds of the work alone, from a table in memory, and its CPU time, which a busy machine stretches less."
        ]
        try:
            python = python_of("smclarify")
            theirs = measure([python, str(PROGRAMS / "with_smclarify.py"), str(data)])
            agree(ours, theirs)
            notes.append(f"smclarify {version(python, 'smclarify')}; all 63 values equal within 1e-9.")
        except PeerError as error:
            notes.append(f"smclarify was left out: {error}")
    cells = [
        _cells("20 metrics by counting", ours, theirs, flip=False),
        _cells("the flip test", ours, theirs, flip=True),
    ]
    parts = {"counting": ("seconds", "work_cpu"), "flip_test": ("flip_seconds", "flip_cpu")}
    ratios: dict[str, float | None] = {}
    for place, clock in enumerate(("wall", "cpu")):
        for part, keys in {name: (keys[place],) for name, keys in parts.items()}.items():
            ratios[f"bias_{part}_speedup_{clock}"] = _ratio(theirs, ours, keys)
        ratios[f"bias_all_speedup_{clock}"] = _ratio(theirs, ours, tuple(keys[place] for keys in parts.values()))
    return Report(
        name="bias-attribution-bias",
        title="Bias",
        intro=f"All 21 metrics of three facets (two categories, one threshold) with a group variable over {count:,} "
        f"rows, against smclarify on the same rows. Goal for all: {GOAL} times faster.",
        heads=("What", "EndpointWatch s", "CPU s", "smclarify s", "CPU s"),
        rows=cells,
        notes=notes,
        ratios=ratios,
        more={"rows": count, "ours": ours.document(), "smclarify": theirs.document() if theirs else None},
    )


def agree(ours: Measured, theirs: Measured) -> None:
    """Every value of both is the same within 1e-9, or the measurement is worth nothing."""
    mine, their = ours.told["values"], theirs.told["values"]
    assert set(mine) == set(their), set(mine) ^ set(their)  # noqa: S101 (the benchmark's own check)
    far = {
        name: (mine[name], their[name])
        for name in mine
        if not math.isclose(mine[name], float(their[name]), abs_tol=1e-9)
    }
    assert not far, far  # noqa: S101


def _cells(what: str, ours: Measured, theirs: Measured | None, *, flip: bool) -> tuple[str, ...]:
    keys = ("flip_seconds", "flip_cpu") if flip else ("seconds", "work_cpu")
    told = [f"{ours.told[key]:.2f}" for key in keys]
    return (what, *told, *([f"{theirs.told[key]:.1f}" for key in keys] if theirs else ("not measured",) * 2))


def _ratio(theirs: Measured | None, ours: Measured, keys: tuple[str, ...]) -> float | None:
    """How many times more of these figures theirs took."""
    return None if theirs is None else sum(theirs.told[key] for key in keys) / sum(ours.told[key] for key in keys)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the bias half (default 1,000,000)")
    parser.add_argument("--only", choices=("bias", "attribution"), help="one half")
    parser.add_argument("--keep", action="store_true", help="write the figures into RESULTS.md")
    options = parser.parse_args()
    reports: list[Report] = []
    if options.only != "attribution":
        reports.append(compare(options.rows))
    if options.only != "bias":
        if find_spec("attribution") is None:
            print("benchmarks/attribution is not there: attribution was not measured")
        else:
            reports.append(import_module("attribution.compare").compare())
    for report in reports:
        show(report)
        if options.keep:
            keep(report)


if __name__ == "__main__":
    main()
