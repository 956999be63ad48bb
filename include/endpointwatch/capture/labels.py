"""Ground-truth records: the label of each inference, the last one delivered winning.

Record schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from endpointwatch.capture.files import files, passed_over
from endpointwatch.capture.records import records
from endpointwatch.capture.tally import Tally

SUFFIXES = frozenset({".jsonl", ".json"})
UNREAD = "the file is not read: its name ends with neither .jsonl nor .json, with or without .gz"
_SCHEMA: dict[str, type[pl.DataType]] = {"id": pl.String, "label": pl.String}


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels by inference.

    Attributes:
        frame: ``id`` and ``label`` (the record's data as text), one row an id.
        read: Records read, malformed ones included.
        superseded: Records whose id was labelled again later.
    """

    frame: pl.DataFrame
    read: int
    superseded: int


def labels(folder: Path, tally: Tally, *, key: str) -> Labels:
    """The labels below ``folder``; its files' paths are in the order of delivery, since they are kept by hour.

    Args:
        folder: Where ground-truth records lie.
        tally: Counts the records that have no id or no label as set aside.
        key: The label's key in records whose data is a JSON object.

    Raises:
        CaptureError: The folder is not there, or a file cannot be read.
    """
    found: list[pl.DataFrame] = []
    read = 0
    for path in passed_over(folder, SUFFIXES):
        read += 1
        tally.set_aside("file", path.relative_to(folder).as_posix(), 1, UNREAD)
    for path in files(folder, SUFFIXES):
        name = path.relative_to(folder).as_posix()
        for frame, malformed in records(path):
            read += frame.height + len(malformed)
            for fault in malformed:
                tally.set_aside("json", name, fault.line, fault.reason)
            label = pl.col("truth_data").map_elements(lambda data: _label(data, key), return_dtype=pl.String)
            told = frame.select("line", id=pl.coalesce("event_id", "inference_id"), label=label)
            useless = pl.any_horizontal(pl.col("id").is_null(), pl.col("label").is_null())
            for line in told.filter(useless).get_column("line"):
                tally.set_aside(
                    "label", name, line, "the record has no eventMetadata.eventId or no groundTruthData.data"
                )
            found.append(told.filter(~useless).select(*_SCHEMA))
    every = pl.concat(found) if found else pl.DataFrame(schema=_SCHEMA)
    last = every.unique("id", keep="last", maintain_order=True)
    return Labels(last, read, every.height - last.height)


def _label(data: str, key: str) -> str | None:
    text = data.strip()
    if not text.startswith("{"):
        return text or None
    try:
        told: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    value = told.get(key, next(iter(told.values())) if len(told) == 1 else None)
    return None if value is None else str(value)
