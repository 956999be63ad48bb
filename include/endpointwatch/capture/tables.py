"""CSV data sets, with a header or without, as rows of raw texts: nothing is guessed about types on the way."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from endpointwatch.capture.files import DamagedError, chunks
from endpointwatch.capture.manifests import data_files
from endpointwatch.capture.payloads import CELLS
from endpointwatch.capture.tally import Tally
from endpointwatch.errors import CaptureError

BATCH = 50_000
_BLANKS = r"^[\x00-\x20]+$"  # what Java's `trim` takes off
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {"line": pl.Int64, "cells": CELLS}


@dataclass(frozen=True, slots=True)
class TableRows:
    """Some rows of one file.

    Attributes:
        file: The file, relative to the folder that was read.
        names: The header's cells, see :func:`header_names`; None without a header.
        frame: ``line`` and ``cells`` (a list of texts, empty ones still empty).
    """

    file: str
    names: tuple[str, ...] | None
    frame: pl.DataFrame


def header_names(cells: Sequence[str]) -> tuple[str, ...]:
    """The columns of a header: ``_c<i>`` where it is blank, and a name that several have with its place added to each.

    References:
        apache/spark, ``CSVHeaderChecker`` and ``CSVUtils.makeSafeHeader``, which Model Monitor reads with. (Spark takes
        ``Age`` and ``age`` for the same name; here they are two.)
    """
    times = Counter(cells)
    return tuple(
        f"_c{place}" if not cell else f"{cell}{place}" if times[cell] > 1 else cell for place, cell in enumerate(cells)
    )


def table_rows(folder: Path, tally: Tally, *, header: bool) -> Iterator[TableRows]:
    """The rows of the CSV files below ``folder`` (or of the one file), by path. Blank lines are no rows.

    Args:
        folder: Where the files lie.
        tally: Counts the lines that cannot be read; the caller counts the rows handed on.
        header: Whether each file begins with the columns' names.

    Raises:
        CaptureError: There are no files, one cannot be read, or the files' headers differ.
    """
    found = data_files(folder, tally)
    if not found:
        raise CaptureError(f"Could not find any csv file under directory {folder}. Check the job's inputs.")
    names: tuple[str, ...] | None = None
    for path in found:
        name = path.relative_to(folder).as_posix() if path != folder else path.name
        last = 0
        try:
            for mine, frame in _file(path, name, tally, header=header):
                if names is not None and mine != names:
                    raise CaptureError(f"{path}: the header {mine} differs from that of the files before, {names}.")
                names = mine
                last = int(frame.item(-1, "line")) if frame.height else last
                yield TableRows(name, names, frame)
        except DamagedError as error:
            tally.set_aside("file", name, last + 1, str(error))


def fitted(tables: Iterable[TableRows]) -> Iterator[TableRows]:
    """The rows as a table of Spark has them: all as wide as the header or, without one, the first row.

    What a row is short of is missing, what it has beyond is cut off, and a line of blanks is no row.

    References:
        apache/spark, ``UnivocityParser`` (mode ``PERMISSIVE``) and ``CSVExprUtils.filterCommentAndEmpty``.
    """
    width = 0
    for table in tables:
        sizes = table.frame.get_column("cells").list.len()
        if width > 1 and (sizes == width).all():
            yield table
            continue
        blank = (pl.col("cells").list.len() == 1) & pl.col("cells").list.first().str.contains(_BLANKS)
        frame = table.frame.filter(~blank)
        if table.names or frame.height:
            width = width or len(table.names or frame.item(0, "cells"))
        cells = [pl.col("cells").list.get(place, null_on_oob=True) for place in range(width)]
        yield TableRows(table.file, table.names, frame.with_columns(cells=pl.concat_list(cells)) if cells else frame)


def _file(
    path: Path, name: str, tally: Tally, *, header: bool
) -> Iterator[tuple[tuple[str, ...] | None, pl.DataFrame]]:
    names: tuple[str, ...] | None = None
    pieces = chunks(path)
    first = 1
    for piece in pieces:
        chunk = piece.removeprefix(b"\xef\xbb\xbf") if first == 1 else piece
        if first == 1 and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DamagedError("the file is UTF-16; write it as UTF-8")
        if b"\n" not in chunk:  # as in spreadsheets' "CSV (Macintosh)"
            chunk = chunk.replace(b"\r", b"\n")
        if b'"' in chunk:
            # A quoted cell may hold commas and line feeds, so from here on a real CSV reader goes on.
            frames = _quoted(chain([chunk], pieces), name, first, tally)
        else:
            frames = iter([_plain(chunk, name, first, tally)])
        for frame in frames:
            rows = frame
            if header and names is None and rows.height:
                names = header_names(rows.item(0, "cells").to_list())
                rows = rows.slice(1)
            yield names, rows
        first += chunk.count(b"\n")


def _plain(chunk: bytes, file: str, first: int, tally: Tally) -> pl.DataFrame:
    try:
        lines = chunk.decode().split("\n")
    except UnicodeDecodeError:
        lines = _decoded(chunk, file, first, tally)
    texts = pl.Series("cells", lines, pl.String).str.strip_chars_end("\r")
    frame = pl.DataFrame({"line": pl.int_range(first, first + len(lines), eager=True), "cells": texts})
    return frame.filter(pl.col("cells") != "").with_columns(pl.col("cells").str.split(",")).select(*_SCHEMA)


def _quoted(pieces: Iterator[bytes], file: str, first: int, tally: Tally) -> Iterator[pl.DataFrame]:
    def lines() -> Iterator[str]:
        start = first
        for piece in pieces:
            for line in _decoded(piece, file, start, tally):
                yield line + "\n"
            start += piece.count(b"\n")

    reader = csv.reader(lines(), strict=True)
    rows: list[tuple[int, list[str]]] = []
    while True:
        line = first + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            tally.set_aside("csv", file, line, f"the CSV row cannot be read: {error}")
            continue
        if cells:
            rows.append((line, cells))
        if len(rows) == BATCH:
            yield pl.DataFrame(rows, schema=_SCHEMA, orient="row")
            rows = []
    yield pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _decoded(chunk: bytes, file: str, first: int, tally: Tally) -> list[str]:
    """The chunk's lines; those that are not UTF-8 are set aside and left blank."""
    lines = []
    for line, raw in enumerate(chunk.removesuffix(b"\n").split(b"\n"), start=first):
        try:
            lines.append(raw.decode())
        except UnicodeDecodeError:
            tally.set_aside("csv", file, line, "the line is not UTF-8")
            lines.append("")
    return lines
