"""JSON Lines to columns beside the lines themselves; what a line says never depends on its neighbours."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from endpointwatch.capture.files import DamagedError, chunks
from endpointwatch.capture.records import Malformed
from endpointwatch.merge.ahead import ahead

Schema = dict[str, pl.DataType]
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of one file.

    Attributes:
        frame: ``number`` (the line's, from 1), ``line`` (its text without surrounding blanks) and the schema's columns.
        malformed: The lines that are no JSON object, or have something else where the schema has an object.
    """

    frame: pl.DataFrame
    malformed: list[Malformed]


def lines(path: Path, schema: Schema) -> Iterator[Lines]:
    """The lines of one file, some megabytes at a time; blank ones are none.

    Args:
        path: The file, as it is or compressed (``.gz``). Where a compressed one breaks off, the rest counts as one
            malformed line.
        schema: Of the columns to read: single values become texts; whatever else a line holds is left alone.

    Raises:
        CaptureError: The file cannot be read.
    """
    first = 1

    def numbered() -> Iterator[tuple[bytes, int]]:
        nonlocal first
        for chunk in chunks(path):
            yield chunk, first
            first += chunk.count(b"\n") + (not chunk.endswith(b"\n"))

    try:
        yield from ahead(lambda piece: _parsed(*piece, schema), numbered())
    except DamagedError as error:
        yield Lines(_empty(schema), [Malformed(first, str(error))])


def _empty(schema: Schema) -> pl.DataFrame:
    return pl.DataFrame(schema={"number": pl.UInt32, "line": pl.String, **schema})


def _parsed(chunk: bytes, first: int, schema: Schema) -> Lines:
    frame = _fast(chunk, first, schema)
    if frame is not None:
        return Lines(frame, [])
    split = ((first + place, raw.strip(_BLANK)) for place, raw in enumerate(chunk.removeprefix(_BOM).split(b"\n")))
    return _careful([(number, raw) for number, raw in split if raw], schema)


def _fast(chunk: bytes, first: int, schema: Schema) -> pl.DataFrame | None:
    """All lines at once; None when one of them is not plain, so that it has to be found."""
    if _has_surrogates(chunk):
        return None
    try:
        chunk.decode()
        texts = pl.read_lines(io.BytesIO(chunk), name="line")
        values = pl.read_ndjson(chunk, schema=schema)
    except (UnicodeDecodeError, pl.exceptions.PolarsError):
        return None
    if (
        texts.height != values.height
        or not (texts["line"].str.starts_with("{") & texts["line"].str.ends_with("}")).all()
    ):
        return None
    number = pl.int_range(first, first + texts.height, dtype=pl.UInt32, eager=True).alias("number")
    return pl.DataFrame([number, *texts.get_columns(), *values.get_columns()])


def _careful(numbered: list[tuple[int, bytes]], schema: Schema) -> Lines:
    """Halves, and halves of halves, until every line that cannot be read stands alone."""
    if not numbered:
        return Lines(_empty(schema), [])
    joined = b"\n".join(raw for _, raw in numbered)
    frame = None if len(numbered) > 1 and _has_surrogates(joined) else _together(joined, len(numbered), schema)
    if frame is not None:
        number = pl.Series("number", [at for at, _ in numbered], pl.UInt32)
        return Lines(pl.DataFrame([number, *frame.get_columns()]), [])
    if len(numbered) == 1:
        return Lines(_empty(schema), [Malformed(at, _reason(raw, schema)) for at, raw in numbered])
    middle = len(numbered) // 2
    left, right = _careful(numbered[:middle], schema), _careful(numbered[middle:], schema)
    return Lines(pl.concat([left.frame, right.frame]), left.malformed + right.malformed)


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
    return b"\\ud" in raw or b"\\uD" in raw


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
