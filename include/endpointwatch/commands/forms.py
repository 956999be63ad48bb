"""The format of a data set: what a shell may call it, and what its first file looks like where nobody says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from endpointwatch.capture.files import SUFFIXES, chunks, files, suffix
from endpointwatch.errors import PlanError

FORMATS = ("csv", "json_lines", "json", "parquet", "capture")
_LOOK = 64 * 1024


def dataset_format(name: str, *, header: bool) -> dict[str, Any]:
    """The ``dataset_format`` of Model Monitor's contract for one of :data:`FORMATS`; ``header`` is about CSV."""
    forms: dict[str, dict[str, Any]] = {
        "csv": {"csv": {"header": header}},
        "json_lines": {"json": {"lines": True}},
        "json": {"json": {}},
        "parquet": {"parquet": {}},
        "capture": {"sagemakerCaptureJson": {}},
    }
    return forms[name]


def recognised(data: Path) -> str:
    """One of :data:`FORMATS`, by suffix and first line; a folder's first file speaks for all.

    Raises:
        PlanError: There is nothing there.
        CaptureError: The file cannot be read.
    """
    if not data.exists():
        raise PlanError(f"{data}: there is no such file or folder.")
    found = files(data)
    if not found:
        raise PlanError(f"{data} holds no files.")
    kind = suffix(found[0])
    if kind not in SUFFIXES:
        return "parquet" if kind == ".parquet" else "csv"
    first = next(chunks(found[0], _LOOK), b"").removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    if b'"captureData"' in first or b'"eventMetadata"' in first:
        return "capture"
    try:
        row = json.loads(first)
    except ValueError:
        # An object that goes on in the next line, or an array of them.
        return "json"
    return "json_lines" if isinstance(row, dict) else "json"
