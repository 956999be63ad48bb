"""JSON Lines to columns beside the lines themselves; what a line says never depends on its neighbours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from endpointwatch.capture.ahead import ahead
from endpointwatch.capture.alike import alike
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
        frame: ``number`` (the line's, from 1), ``line`` (its text without surrounding blanks) and a column a key.
        malformed: The lines that are no JSON object, or have something else where the keys lead through an object.
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


def lines(paths: Iterable[Path], keys: tuple[str, ...], beside: tuple[str, ...] = ()) -> Iterator[Lines]:
    """The lines of files, one after the other and some megabytes at a time; blank lines are none.

    Args:
        paths: The files, as they are or compressed (``.gz``). Where a compressed one breaks off, the rest counts as one
            malformed line.
        keys: Of the values to read, as texts; ``a.b`` is that of ``b`` in the object ``a``. Whatever else a line holds
            is left alone.
        beside: Of values that may just as well be missing: they are read where that costs next to nothing, and null
            elsewhere, whatever the line says.

    Raises:
        CaptureError: A file cannot be read.
    """
    columns = _Columns(keys, beside)
    return ahead(_read(columns, piece) for path in paths for piece in _pieces(path))


def _pieces(path: Path) -> Iterator[_Piece]:
    first = 1
    try:
        for chunk in chunks(path):
            yield _Piece(path, first, chunk)
            first += chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    except DamagedError as error:
        yield _Piece(path, first, broken=str(error))


class _Columns:
    """Values by their keys."""

    def __init__(self, keys: tuple[str, ...], beside: tuple[str, ...]) -> None:
        tree: dict[str, object] = {}
        for key in keys:
            *folders, leaf = key.split(".")
            place = tree
            for folder in folders:
                place = place.setdefault(folder, {})  # type: ignore[assignment]
            place.setdefault(leaf, None)
        self.schema: Schema = {key: _kind(part) for key, part in tree.items()}
        texts = dict.fromkeys(keys + beside, pl.String)
        self.empty = pl.DataFrame(schema={"number": pl.UInt32, "line": pl.String, **texts})
        self._values = [_at(key).alias(key) for key in keys] + [pl.lit(None, pl.String).alias(key) for key in beside]

    def parsed(self, raw: bytes) -> pl.DataFrame:
        """The values of all lines; Polars decides what a value is as text."""
        return pl.read_ndjson(raw, schema=self.schema).select(self._values)

    def of_line(self, raw: bytes) -> dict[str, str | None]:
        """The values of one line.

        Raises:
            ValueError: It is none.
        """
        if (plain := self._plain(raw)) is not None:
            return plain
        try:
            return self.parsed(raw).row(0, named=True)
        except pl.exceptions.PolarsError as error:
            raise ValueError(str(error)) from error

    def _plain(self, raw: bytes) -> dict[str, str | None] | None:
        """The same without Polars, whose parser takes longer to start than to read; None where it has to decide."""
        if b"\\" in raw:
            return None
        record = json.loads(raw, object_pairs_hook=_once)
        values = {key: _leaf(record, key.split(".")) for key in self.empty.columns[2:]}
        plain = {key: value for key, value in values.items() if value is None or isinstance(value, str)}
        return plain if len(plain) == len(values) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of a repeated key Polars takes the first.
    return dict(reversed(pairs))


def _leaf(record: Any, keys: list[str]) -> Any:
    for key in keys:
        if record is None:
            return None
        if not isinstance(record, dict):
            raise ValueError(f"there is no object around {key}")  # noqa: TRY004 (a fault of the data)
        record = record.get(key)
    return record


def _kind(part: object) -> pl.DataType:
    return pl.Struct({key: _kind(inner) for key, inner in part.items()}) if isinstance(part, dict) else pl.String()


def _at(key: str) -> pl.Expr:
    first, *rest = key.split(".")
    return reduce(lambda found, name: found.struct.field(name), rest, pl.col(first))


def _read(columns: _Columns, piece: _Piece) -> Lines:
    if piece.broken is not None:
        return Lines(piece.path, columns.empty, [Malformed(piece.first, piece.broken)])
    frame = _fast(piece, columns)
    if frame is not None:
        return Lines(piece.path, frame, [])
    split = (raw.strip(_BLANK) for raw in piece.raw.removeprefix(_BOM).split(b"\n"))
    numbered = [(at, raw) for at, raw in enumerate(split, start=piece.first) if raw]
    return Lines(piece.path, *_careful(numbered, columns))


def _fast(piece: _Piece, columns: _Columns) -> pl.DataFrame | None:
    """All lines at once; None when one of them is not plain, so that it has to be found."""
    try:
        if not piece.raw.isascii():
            piece.raw.decode()
        series = _alike(piece.raw, columns) or _parsed(piece.raw, columns)
    except (UnicodeDecodeError, pl.exceptions.PolarsError):
        return None
    if series is None:
        return None
    number = np.arange(piece.first, piece.first + series[0].len(), dtype=np.uint32)
    return pl.DataFrame([pl.Series("number", number), *series])


def _alike(raw: bytes, columns: _Columns) -> list[pl.Series] | None:
    """Without a parser, where the lines differ in their texts only and have no blanks around them."""
    if not raw.startswith(b"{") or not raw.removesuffix(b"\n").endswith(b"}"):
        return None
    count = raw.count(b"\n") + (not raw.endswith(b"\n"))
    found = alike(raw, count, columns.of_line, whole="line")
    return None if found is None else [found[name].alias(name) for name in columns.empty.columns[1:]]


def _parsed(raw: bytes, columns: _Columns) -> list[pl.Series] | None:
    if _has_surrogates(raw):
        return None
    texts = pl.read_lines(raw, name="line").to_series()
    values = columns.parsed(raw)
    if len(texts) != values.height or not texts.str.starts_with("{").all():
        return None
    return [texts, *values.get_columns()]


def _careful(numbered: list[tuple[int, bytes]], columns: _Columns) -> tuple[pl.DataFrame, list[Malformed]]:
    """Halves, and halves of halves, until every line that cannot be read stands alone."""
    if not numbered:
        return columns.empty, []
    joined = b"\n".join(raw for _, raw in numbered)
    frame = None if len(numbered) > 1 and _has_surrogates(joined) else _together(joined, len(numbered), columns)
    if frame is not None:
        number = pl.Series("number", [at for at, _ in numbered], pl.UInt32)
        return pl.DataFrame([number, *frame.get_columns()]), []
    if len(numbered) == 1:
        return columns.empty, [Malformed(at, _reason(raw, columns.schema)) for at, raw in numbered]
    middle = len(numbered) // 2
    (left, faults), (right, more) = _careful(numbered[:middle], columns), _careful(numbered[middle:], columns)
    return pl.concat([left, right]), faults + more


def _together(joined: bytes, count: int, columns: _Columns) -> pl.DataFrame | None:
    try:
        text = joined.decode()
        if _has_surrogates(joined):
            json.dumps(json.loads(text), ensure_ascii=False).encode()
        values = columns.parsed(joined)
    except (ValueError, RecursionError, pl.exceptions.PolarsError):
        return None
    texts = pl.Series("line", text.split("\n"), pl.String)
    return pl.DataFrame([texts, *values.get_columns()]) if values.height == count else None


def _has_surrogates(raw: bytes) -> bool:
    # Polars' parser lets half of a surrogate pair through as garbage.
    return b"\\" in raw and (b"\\ud" in raw or b"\\uD" in raw)


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
