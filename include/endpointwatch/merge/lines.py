"""JSON Lines to columns beside the lines themselves; what a line says never depends on its neighbours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from endpointwatch.capture.ahead import ahead
from endpointwatch.capture.files import DamagedError, chunks
from endpointwatch.capture.records import Malformed

Schema = dict[str, pl.DataType]
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of one file.

    Attributes:
        path: The file.
        frame: ``number`` (the line's, from 1), ``line`` (its text without surrounding blanks) and the schema's columns.
        malformed: The lines that are no JSON object, or have something else where the schema has an object.
    """

    path: Path
    frame: pl.DataFrame
    malformed: list[Malformed]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines of a file, of which the first has the number ``first``; or why the file breaks off there."""

    path: Path
    first: int
    raw: bytes = b""
    broken: str | None = None


def lines(paths: Iterable[Path], schema: Schema) -> Iterator[Lines]:
    """The lines of files, one after the other and some megabytes at a time; blank lines are none.

    Args:
        paths: The files, as they are or compressed (``.gz``). Where a compressed one breaks off, the rest counts as one
            malformed line.
        schema: Of the columns to read: single values become texts; whatever else a line holds is left alone.

    Raises:
        CaptureError: A file cannot be read.
    """
    return ahead(_read(schema, piece) for path in paths for piece in _pieces(path))


def _pieces(path: Path) -> Iterator[_Piece]:
    first = 1
    try:
        for chunk in chunks(path):
            yield _Piece(path, first, chunk)
            first += chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    except DamagedError as error:
        yield _Piece(path, first, broken=str(error))


def _read(schema: Schema, piece: _Piece) -> Lines:
    if piece.broken is not None:
        return Lines(piece.path, _empty(schema), [Malformed(piece.first, piece.broken)])
    frame = _fast(piece, schema)
    if frame is not None:
        return Lines(piece.path, frame, [])
    split = (raw.strip(_BLANK) for raw in piece.raw.removeprefix(_BOM).split(b"\n"))
    numbered = [(at, raw) for at, raw in enumerate(split, start=piece.first) if raw]
    return Lines(piece.path, *_careful(numbered, schema))


def _empty(schema: Schema) -> pl.DataFrame:
    return pl.DataFrame(schema={"number": pl.UInt32, "line": pl.String, **schema})


def _fast(piece: _Piece, schema: Schema) -> pl.DataFrame | None:
    """All lines at once; None when one of them is not plain, so that it has to be found."""
    if _has_surrogates(piece.raw):
        return None
    try:
        texts = pl.read_lines(piece.raw, name="line").to_series()
        values = pl.read_ndjson(piece.raw, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    if len(texts) != values.height or not texts.str.starts_with("{").all():
        return None
    number = pl.int_range(piece.first, piece.first + values.height, dtype=pl.UInt32, eager=True).alias("number")
    return pl.DataFrame([number, texts, *values.get_columns()])


def _careful(numbered: list[tuple[int, bytes]], schema: Schema) -> tuple[pl.DataFrame, list[Malformed]]:
    """Halves, and halves of halves, until every line that cannot be read stands alone."""
    if not numbered:
        return _empty(schema), []
    joined = b"\n".join(raw for _, raw in numbered)
    frame = None if len(numbered) > 1 and _has_surrogates(joined) else _together(joined, len(numbered), schema)
    if frame is not None:
        number = pl.Series("number", [at for at, _ in numbered], pl.UInt32)
        return pl.DataFrame([number, *frame.get_columns()]), []
    if len(numbered) == 1:
        return _empty(schema), [Malformed(at, _reason(raw, schema)) for at, raw in numbered]
    middle = len(numbered) // 2
    (left, faults), (right, more) = _careful(numbered[:middle], schema), _careful(numbered[middle:], schema)
    return pl.concat([left, right]), faults + more


def _together(joined: bytes, count: int, schema: Schema) -> pl.DataFrame | None:
    try:
        text = joined.decode()
        if _has_surrogates(joined):
            json.dumps(json.loads(text), ensure_ascii=False).encode()
        values = pl.read_ndjson(joined, schema=schema)
    except (ValueError, RecursionError, pl.exceptions.PolarsError):
        return None
    texts = pl.Series("line", text.split("\n"), pl.String)
    return pl.DataFrame([texts, *values.get_columns()]) if values.height == count else None


def _has_surrogates(raw: bytes) -> bool:
    # Polars' parser lets half of a surrogate pair through as garbage.
    return b"\\" in raw and b"\\u" in raw and (b"\\ud" in raw or b"\\uD" in raw)


def _reason(raw: bytes, schema: Schema) -> str:
    """Why a line cannot be read."""
    try:
        record = json.loads(raw)
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        return "the line is not UTF-8"
    except UnicodeEncodeError:
        return "the line holds half of a surrogate pair"
    except json.JSONDecodeError as error:
        return f"the line is not valid JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return "the JSON is nested too deeply"
    if not isinstance(record, dict):
        return "the line is JSON, but not an object"
    odd = [key for key, kind in schema.items() if kind.is_nested() and not isinstance(record.get(key) or {}, dict)]
    return f"{odd[0]} is not an object" if odd else "the line is no record"
