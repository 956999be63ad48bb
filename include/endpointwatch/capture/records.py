"""Captured JSON Lines to columns: one row per record, whatever it holds; what is no record is set aside.

Record schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from endpointwatch.capture.alike import alike
from endpointwatch.capture.files import DamagedError, chunks

_SIDE = pl.Struct({"data": pl.String, "encoding": pl.String, "observedContentType": pl.String})
_GROUND_TRUTH = pl.Struct({"data": pl.String, "encoding": pl.String})
_METADATA = ("eventId", "inferenceId", "inferenceTime", "invocationSource")
_RECORD: dict[str, pl.DataType] = {
    "captureData": pl.Struct(dict.fromkeys(("endpointInput", "endpointOutput", "batchTransformOutput"), _SIDE)),
    "groundTruthData": _GROUND_TRUTH,
    "eventMetadata": pl.Struct(dict.fromkeys(_METADATA, pl.String)),
}
SIDES = ("output", "input")
#: What a batch transform left: its output stands in an endpoint's place. There is no time, and no input beside it.
BATCH = "BatchTransform"
_KEYS = {"input": ("endpointInput",), "output": ("endpointOutput", "batchTransformOutput")}
COLUMNS: dict[str, type[pl.DataType]] = {
    "line": pl.Int64,
    **{f"{side}_{part}": pl.String for side in SIDES for part in ("data", "encoding", "type")},
    "truth_data": pl.String,
    "event_id": pl.String,
    "inference_id": pl.String,
    "inference_time": pl.String,
    "source": pl.String,
}
_FEED = ord("\n")
# What decides how a record is read has to be the same on lines that are read without a parser.
_ALIKE = frozenset({"source", *(f"{side}_{part}" for side in SIDES for part in ("encoding", "type"))})


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no record."""

    line: int
    reason: str


def records(path: Path) -> Iterator[tuple[pl.DataFrame, list[Malformed]]]:
    """The records of one file, some megabytes at a time.

    Yields:
        Records with the columns of :data:`COLUMNS` (null where the record does not say), and the lines that are none.
        Blank lines are neither. Where a compressed file breaks off, the rest counts as one line that is no record.
    """
    first = 1
    try:
        for chunk in chunks(path):
            # NumPy counts bytes several times faster than Python does.
            feeds = int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == _FEED))
            count = feeds + (not chunk.endswith(b"\n"))
            frame = _fast(chunk, first, count)
            yield _careful(chunk, first) if frame is None else (frame, [])
            first += count
    except DamagedError as error:
        yield pl.DataFrame(schema=COLUMNS), [Malformed(first, str(error))]


def _fast(chunk: bytes, first: int, count: int) -> pl.DataFrame | None:
    """All lines at once; None when one of them is not a plain record, so that it has to be found."""
    try:
        if not chunk.isascii():
            chunk.decode()
        columns = alike(chunk, count, _told, _ALIKE) or _parsed(chunk)
    except (UnicodeDecodeError, pl.exceptions.PolarsError):
        return None
    if columns is None or any(column.len() != count for column in columns.values()):
        return None
    line = pl.Series(np.arange(first, first + count))
    return pl.DataFrame({name: line if name == "line" else columns[name] for name in COLUMNS})


def _parsed(chunk: bytes) -> dict[str, pl.Series] | None:
    if b"\\" in chunk and (b"\\ud" in chunk or b"\\uD" in chunk):
        # Polars' parser lets half of a surrogate pair through as garbage.
        return None
    return _flat(pl.read_ndjson(chunk, schema=_RECORD)).to_dict()


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    capture, metadata = pl.col("captureData").struct, pl.col("eventMetadata").struct
    columns = []
    for side in SIDES:
        payload = pl.coalesce([capture.field(key) for key in _KEYS[side]]).struct
        columns += [
            payload.field("data").alias(f"{side}_data"),
            payload.field("encoding").alias(f"{side}_encoding"),
            payload.field("observedContentType").alias(f"{side}_type"),
        ]
    names = ("event_id", "inference_id", "inference_time", "source")
    columns.append(pl.col("groundTruthData").struct.field("data").alias("truth_data"))
    columns += [metadata.field(key).alias(name) for key, name in zip(_METADATA, names, strict=True)]
    endpoint, batch = (capture.field(key).is_not_null() for key in _KEYS["output"])
    source = pl.when(batch & ~endpoint).then(pl.lit(BATCH)).otherwise(columns[-1])
    return frame.select(*columns[:-1], source.alias("source"))


def _careful(chunk: bytes, first: int) -> tuple[pl.DataFrame, list[Malformed]]:
    """Line by line: slower, and it knows which line is wrong and why."""
    rows: list[dict[str, object]] = []
    malformed: list[Malformed] = []
    for line, raw in enumerate(chunk.split(b"\n"), start=first):
        if not raw.strip():
            continue
        try:
            rows.append(_row(raw, line))
        except UnicodeError:
            malformed.append(Malformed(line, "the line is not UTF-8"))
        except RecursionError:
            malformed.append(Malformed(line, "the JSON is nested too deeply"))
        except ValueError as error:
            malformed.append(Malformed(line, str(error)))
    return pl.DataFrame(rows, schema=COLUMNS), malformed


def _row(raw: bytes, line: int) -> dict[str, object]:
    return {"line": line, **_told(raw)}


def _told(raw: bytes) -> dict[str, str | None]:
    try:
        record = json.loads(raw, object_pairs_hook=_first_wins)
    except json.JSONDecodeError as error:
        raise ValueError(f"the line is not valid JSON: {error.msg} at character {error.pos + 1}") from error
    if not isinstance(record, dict):
        raise ValueError("the line is JSON, but not an object")  # noqa: TRY004 (a fault of the data, not of a caller)
    capture, metadata = _part(record, "captureData"), _part(record, "eventMetadata")
    row = {"truth_data": _text(_part(record, "groundTruthData").get("data"))}
    for side in SIDES:
        payload = _payload(capture, *_KEYS[side])
        row[f"{side}_data"] = _text(payload.get("data"))
        row[f"{side}_encoding"] = _text(payload.get("encoding"))
        row[f"{side}_type"] = _text(payload.get("observedContentType"))
    names = ("event_id", "inference_id", "inference_time", "source")
    about = {name: _text(metadata.get(key)) for key, name in zip(_METADATA, names, strict=True)}
    endpoint, batch = (capture.get(key) is not None for key in _KEYS["output"])
    return row | about | ({"source": BATCH} if batch and not endpoint else {})


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of a repeated key Polars takes the first, Python the last; a record must not depend on how its neighbours read.
    return dict(reversed(pairs))


def _part(record: dict[str, Any], key: str) -> dict[str, Any]:
    part = record.get(key)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise ValueError(f"{key} is not an object")  # noqa: TRY004 (a fault of the data, not of a caller)
    return part


def _payload(capture: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The object of the first key that has one; the others must be objects too."""
    found = [_part(capture, key) for key in keys]
    return next((part for key, part in zip(keys, found, strict=True) if capture.get(key) is not None), {})


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    text.encode()  # half of a surrogate pair is valid JSON, but no text
    return text
