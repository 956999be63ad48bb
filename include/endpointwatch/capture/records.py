"""Captured JSON Lines to columns: one row per record, whatever it holds; what is no record is set aside.

Record schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from endpointwatch.capture.ahead import ahead
from endpointwatch.capture.files import DamagedError, chunks

_SIDE = pl.Struct({"data": pl.String, "encoding": pl.String, "observedContentType": pl.String})
_GROUND_TRUTH = pl.Struct({"data": pl.String, "encoding": pl.String})
_METADATA = ("eventId", "inferenceId", "inferenceTime", "invocationSource")
SIDES = ("output", "input")
_KEYS = {"input": "endpointInput", "output": "endpointOutput"}
COLUMNS: dict[str, type[pl.DataType]] = {
    "line": pl.Int64,
    **{f"{side}_{part}": pl.String for side in SIDES for part in ("data", "encoding", "type")},
    "truth_data": pl.String,
    "event_id": pl.String,
    "inference_id": pl.String,
    "inference_time": pl.String,
    "source": pl.String,
}


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no record."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of one file.

    Attributes:
        path: The file.
        frame: The columns of :data:`COLUMNS`, null where the record does not say.
        malformed: The lines that are no record. Blank lines are neither.
    """

    path: Path
    frame: pl.DataFrame
    malformed: list[Malformed]


def records(path: Path) -> Iterator[tuple[pl.DataFrame, list[Malformed]]]:
    """The records of one file as :func:`records_of` reads them."""
    for part in records_of([path]):
        yield part.frame, part.malformed


def records_of(paths: Iterable[Path], sides: tuple[str, ...] = SIDES) -> Iterator[Records]:
    """The records of files, one after the other and some megabytes at a time.

    Args:
        paths: The files. Where a compressed one breaks off, the rest counts as one line that is no record.
        sides: Those to read; the columns of the others are null.
    """
    return ahead(partial(_read, sides), (piece for path in paths for piece in _pieces(path)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines of a file, of which the first has the number ``first``; or why the file breaks off there."""

    path: Path
    first: int
    raw: bytes = b""
    count: int = 0
    broken: str | None = None


def _pieces(path: Path) -> Iterator[_Piece]:
    first = 1
    try:
        for chunk in chunks(path):
            count = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
            yield _Piece(path, first, chunk, count)
            first += count
    except DamagedError as error:
        yield _Piece(path, first, broken=str(error))


def _read(sides: tuple[str, ...], piece: _Piece) -> Records:
    if piece.broken is not None:
        return Records(piece.path, pl.DataFrame(schema=COLUMNS), [Malformed(piece.first, piece.broken)])
    frame = _fast(piece.raw, piece.first, piece.count, sides)
    if frame is not None:
        return Records(piece.path, frame, [])
    return Records(piece.path, *_careful(piece.raw, piece.first, sides))


def _fast(chunk: bytes, first: int, count: int, sides: tuple[str, ...] = SIDES) -> pl.DataFrame | None:
    """All lines at once; None when one of them is not a plain record, so that it has to be found."""
    if b"\\u" in chunk and (b"\\ud" in chunk or b"\\uD" in chunk):
        # Polars' parser lets half of a surrogate pair through as garbage.
        return None
    schema = {
        "captureData": pl.Struct({_KEYS[side]: _SIDE for side in sides}),
        "groundTruthData": _GROUND_TRUTH,
        "eventMetadata": pl.Struct(dict.fromkeys(_METADATA, pl.String)),
    }
    try:
        frame = pl.read_ndjson(chunk, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    if frame.height != count:
        return None
    line = pl.int_range(first, first + count, dtype=pl.Int64)
    return _flat(frame, sides).with_columns(line=line).select(*COLUMNS)


def _flat(frame: pl.DataFrame, sides: tuple[str, ...]) -> pl.DataFrame:
    capture, metadata = pl.col("captureData").struct, pl.col("eventMetadata").struct
    columns = [
        pl.lit(None, pl.String).alias(f"{side}_{part}")
        for side in SIDES
        if side not in sides
        for part in ("data", "encoding", "type")
    ]
    for side in sides:
        payload = capture.field(_KEYS[side]).struct
        columns += [
            payload.field("data").alias(f"{side}_data"),
            payload.field("encoding").alias(f"{side}_encoding"),
            payload.field("observedContentType").alias(f"{side}_type"),
        ]
    names = ("event_id", "inference_id", "inference_time", "source")
    columns.append(pl.col("groundTruthData").struct.field("data").alias("truth_data"))
    columns += [metadata.field(key).alias(name) for key, name in zip(_METADATA, names, strict=True)]
    return frame.select(columns)


def _careful(chunk: bytes, first: int, sides: tuple[str, ...] = SIDES) -> tuple[pl.DataFrame, list[Malformed]]:
    """Line by line: slower, and it knows which line is wrong and why."""
    rows: list[dict[str, object]] = []
    malformed: list[Malformed] = []
    for line, raw in enumerate(chunk.split(b"\n"), start=first):
        if not raw.strip():
            continue
        try:
            rows.append(_row(raw, line, sides))
        except UnicodeError:
            malformed.append(Malformed(line, "the line is not UTF-8"))
        except RecursionError:
            malformed.append(Malformed(line, "the JSON is nested too deeply"))
        except ValueError as error:
            malformed.append(Malformed(line, str(error)))
    return pl.DataFrame(rows, schema=COLUMNS), malformed


def _row(raw: bytes, line: int, sides: tuple[str, ...]) -> dict[str, object]:
    try:
        record = json.loads(raw, object_pairs_hook=_first_wins)
    except json.JSONDecodeError as error:
        raise ValueError(f"the line is not valid JSON: {error.msg} at character {error.pos + 1}") from error
    if not isinstance(record, dict):
        raise ValueError("the line is JSON, but not an object")  # noqa: TRY004 (a fault of the data, not of a caller)
    capture, metadata = _part(record, "captureData"), _part(record, "eventMetadata")
    row: dict[str, object] = {"line": line, "truth_data": _text(_part(record, "groundTruthData").get("data"))}
    for side in sides:
        payload = _part(capture, _KEYS[side])
        row[f"{side}_data"] = _text(payload.get("data"))
        row[f"{side}_encoding"] = _text(payload.get("encoding"))
        row[f"{side}_type"] = _text(payload.get("observedContentType"))
    names = ("event_id", "inference_id", "inference_time", "source")
    row |= {name: _text(metadata.get(key)) for key, name in zip(_METADATA, names, strict=True)}
    return row


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


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    text.encode()  # half of a surrogate pair is valid JSON, but no text
    return text
