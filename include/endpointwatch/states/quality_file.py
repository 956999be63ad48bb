"""The file form of a model-quality state: Arrow IPC, versioned. The same state gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from endpointwatch.states import arrow_file
from endpointwatch.states.confusion import Confusion
from endpointwatch.states.moments import Moments
from endpointwatch.states.residuals import Residuals

STATE_VERSION = "quality-1"
_MOMENTS = ("n", "mean", "m2", "total", "low", "high")


def write(state: Confusion | Residuals, path: Path) -> None:
    """Write ``state`` to ``path``, replacing what is there."""
    about: dict[str, object]
    if isinstance(state, Confusion):
        about = {"classes": state.classes, "resolution": state.resolution, "limit": state.limit}
        columns = {"actual": state.actual, "predicted": state.predicted, "score": state.score, "count": state.count}
    else:
        moments = {key: getattr(state.labels, key) for key in _MOMENTS}
        about = {
            "labels": moments,
            "absolute": state.absolute,
            "squared": state.squared,
            "whole": state.whole,
            "limit": state.limit,
        }
        columns = {"actual": state.actual, "predicted": state.predicted, "count": state.count}
    arrow_file.write(pa.table(columns), path, version=STATE_VERSION, about=about, compression="zstd")


def read(path: Path) -> Confusion | Residuals:
    """The state kept in ``path``.

    Raises:
        ValueError: The file is no state, or one of a version this package does not read.
    """
    table, about = arrow_file.read(path, version=STATE_VERSION)
    columns: dict[str, Any] = {name: np.asarray(table[name]) for name in table.column_names}
    if "classes" in about:
        return Confusion(classes=tuple(about.pop("classes")), **columns, **about)
    return Residuals(labels=Moments(**about.pop("labels")), **columns, **about)
