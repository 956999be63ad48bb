"""Data sets whose rows have names: flat JSON, as lines or as an array, and Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from endpointwatch.capture.documents import DATA_SET, UnreadableError, document_rows
from endpointwatch.capture.files import DamagedError, chunks
from endpointwatch.capture.manifests import data_files
from endpointwatch.capture.pairing import Keys, named_frames
from endpointwatch.capture.payloads import MAX_CELLS
from endpointwatch.capture.tables import BATCH, TableRows
from endpointwatch.capture.tally import Tally
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.errors import CaptureError

_FLAT = JsonPayloads()
_FLOATS = pl.selectors.float()


def json_rows(folder: Path, tally: Tally, *, lines: bool) -> Iterator[TableRows]:
    """The rows of the JSON files below ``folder`` (or of the one file), by path.

    Args:
        folder: Where the files lie, as they are or compressed (``.gz``).
        tally: Counts the lines, or items of the array, that are no flat object; the caller counts the rows handed on.
        lines: An object a line; else each file is one object or one array of objects, and is read whole. A row's line
            is then its place in the array.

    Raises:
        CaptureError: There are no files, or one cannot be read.
    """
    keys = Keys()
    for path, name in _files(folder, tally, "json"):
        first = 1
        try:
            pieces = chunks(path) if lines else iter([b"".join(chunks(path))])
            for piece in pieces:
                # A byte-order mark is one at the beginning of a file only.
                text = piece.removeprefix(b"\xef\xbb\xbf") if first == 1 else piece
                texts = text.split(b"\n") if lines else [text]
                found = [row for place, text in enumerate(texts) for row in _objects(text, first + place, name, tally)]
                known = [row for row in found if _taken(row, keys, name, tally)]
                for frame in named_frames(known, keys.names):
                    yield TableRows(name, keys.names, frame.select(pl.col("record").alias("line"), "cells"))
                first += piece.count(b"\n")
        except DamagedError as error:
            tally.set_aside("file", name, first, str(error))


def parquet_rows(folder: Path, tally: Tally) -> Iterator[TableRows]:
    """The rows of the Parquet files below ``folder`` (or of the one file), by path, their values as texts.

    Args:
        folder: Where the files lie.
        tally: Counts a file that is no Parquet as one row that is set aside; the caller counts the rows handed on.

    Raises:
        CaptureError: There are no files, or a column holds something else than single values.
    """
    keys = Keys()
    for path, name in _files(folder, tally, "parquet"):
        first = 1
        try:
            for batch in pq.ParquetFile(path).iter_batches(BATCH):
                frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                _require_flat(frame, path)
                if not keys.take(frame.columns):
                    raise CaptureError(
                        f"{path}: more than {MAX_CELLS} different columns. Leave out what is no feature."
                    )
                # In a column of floats "not a number" says that there is none, as pandas writes it.
                texts = frame.with_columns(_FLOATS.fill_nan(None)).select(pl.all().cast(pl.String))
                gone = [pl.lit(None, pl.String).alias(key) for key in keys.names if key not in texts.columns]
                cells = texts.with_columns(gone).select(cells=pl.concat_list([pl.col(key) for key in keys.names]))
                line = pl.int_range(first, first + frame.height, dtype=pl.Int64)
                yield TableRows(name, keys.names, cells.with_columns(line=line).select("line", "cells"))
                first += frame.height
        except (pa.ArrowInvalid, OSError) as error:
            tally.set_aside("file", name, first, f"the file is no whole Parquet file: {' '.join(str(error).split())}")


def _files(folder: Path, tally: Tally, kind: str) -> list[tuple[Path, str]]:
    found = data_files(folder, tally)
    if not found:
        raise CaptureError(f"Could not find any {kind} file under directory {folder}. Check the job's inputs.")
    return [(path, path.relative_to(folder).as_posix() if path != folder else path.name) for path in found]


def _objects(raw: bytes, line: int, file: str, tally: Tally) -> list[tuple[int, int, dict[str, str | None]]]:
    """The rows in some text that begins in ``line``; what is no flat object is set aside."""
    if not raw.strip():
        return []
    try:
        rows = document_rows(raw.decode(), DATA_SET, _FLAT)
    except UnicodeDecodeError:
        tally.set_aside("json", file, line, "the text is not UTF-8")
        return []
    except UnreadableError as error:
        tally.set_aside("nested" if error.kind == "nested" else "json", file, line, str(error))
        return []
    found: list[tuple[int, int, dict[str, str | None]]] = []
    for place, row in enumerate(rows):
        if not row.names:
            tally.set_aside("json", file, line + place, "the row is no object, or one without keys")
            continue
        found.append((line + place, place, dict(zip(row.names, row.cells, strict=True))))
    return found


def _taken(row: tuple[int, int, dict[str, str | None]], keys: Keys, file: str, tally: Tally) -> bool:
    taken = keys.take(row[2])
    if not taken:
        tally.set_aside("width", file, row[0], f"more than {MAX_CELLS} different keys: yet another column")
    return taken


def _require_flat(frame: pl.DataFrame, path: Path) -> None:
    odd = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Binary]
    if odd or not frame.columns:
        raise CaptureError(
            f"{path}: the columns {odd} hold nested or binary values. Leave them out, or write each value as a column."
            if odd
            else f"{path}: the file has no columns."
        )
