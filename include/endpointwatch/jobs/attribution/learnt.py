"""A baseline as windows find it, and the data set that it is learnt from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from endpointwatch.capture.tally import Tally
from endpointwatch.config.section import DatasetFormat
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.attribution import sample
from endpointwatch.monitors.attribution import Attributions
from endpointwatch.reports import attribution as reports
from endpointwatch.reports import files


@dataclass(frozen=True, slots=True)
class Known:
    """A baseline, as it was learnt.

    Attributes:
        attributions: Its global values.
        rows: What rows are held against, as texts, shape ``(baseline rows, features)``.
    """

    attributions: Attributions
    rows: NDArray[Any]

    @classmethod
    def read(cls, folder: Path) -> Known | None:
        path = folder / files.ANALYSIS
        if not path.is_file():
            return None
        features, rows = reports.read_baseline_rows(folder)
        told = Attributions.read(_json(path), str(path))
        if set(told.features) != set(features):
            raise BaselineError(
                f"{path} and {folder / reports.BASELINE_ROWS} differ in their features. Baseline again."
            )
        return cls(told, rows[:, [features.index(name) for name in told.features]])


def data_set(folder: Path, form: DatasetFormat, tally: Tally) -> tuple[tuple[str, ...], pl.DataFrame]:
    header: tuple[str, ...] = ()
    found: list[pl.DataFrame] = []
    for names, rows in sample.data_set(folder, form, tally):
        header = names or header
        tally.analysed += rows.height
        found.append(rows)
    if not tally.analysed:
        raise BaselineError(f"The data set in {folder} has no rows to learn a baseline from.")
    return header, pl.concat(found)


def require(features: tuple[str, ...], header: tuple[str, ...]) -> None:
    for name in features:
        if name not in header:
            near = get_close_matches(name, header, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise BaselineError(
                f"Feature {name!r} is not in the data set, whose columns are {', '.join(header)}.{hint} Correct "
                "`features` of the attribution monitor (or of `training`), or the data set."
            )
    if not features:
        raise BaselineError("The data set has one column only, the model's output: there are no features to explain.")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BaselineError(f"{path} cannot be read: {error}. Baseline again.") from error
