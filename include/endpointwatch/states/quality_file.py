"""The file form of a model-quality state: Arrow IPC, versioned. The same state gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from endpointwatch.states.confusion import Confusion
from endpointwatch.states.moments import Moments
from endpointwatch.states.residuals import Residuals

STATE_VERSION = "quality-1"
_VERSION_KEY, _ABOUT_KEY = b"endpointwatch.state.version", b"endpointwatch.state.about"
_MOMENTS = ("n", "mean", "m2", "total", "low", "high")


def write(state: Confusion | Residuals, path: Path) -> None:
    """Write ``state`` to ``path``, replacing what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
    metadata = {_VERSION_KEY: STATE_VERSION.encode(), _ABOUT_KEY: json.dumps(about).encode()}
    table = pa.table(columns).replace_schema_metadata(metadata)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)


def read(path: Path) -> Confusion | Residuals:
    """The state kept in ``path``.

    Raises:
        ValueError: The file is no state, or one of a version this package does not read.
    """
    try:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is no state file ({error}); run the window again.") from error
    metadata = table.schema.metadata or {}
    version = metadata.get(_VERSION_KEY, b"none").decode()
    if version != STATE_VERSION:
        raise ValueError(
            f"{path} holds a state of version {version}, this module reads {STATE_VERSION}; run the window again."
        )
    about = json.loads(metadata[_ABOUT_KEY])
    columns: dict[str, Any] = {name: np.asarray(table[name]) for name in table.column_names}
    if "classes" in about:
        return Confusion(classes=tuple(about.pop("classes")), **columns, **about)
    return Residuals(labels=Moments(**about.pop("labels")), **columns, **about)
