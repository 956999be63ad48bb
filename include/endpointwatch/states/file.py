"""The file form of a table's state: Arrow IPC, one row per column, versioned. The same state gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from endpointwatch.states.column import Column
from endpointwatch.states.distinct import REGISTERS, Distinct
from endpointwatch.states.histogram import Histogram
from endpointwatch.states.kll import Kll
from endpointwatch.states.moments import Moments
from endpointwatch.states.packing import pack, unpack
from endpointwatch.states.table import Table
from endpointwatch.states.types import TypeCounts

STATE_FILE = "state.arrow"
STATE_VERSION = "2"
_VERSION_KEY = b"endpointwatch.state.version"
_ROWS_KEY = b"endpointwatch.state.rows"
_ALONE = pa.ipc.IpcReadOptions(use_threads=False)

_TYPES = ("integral", "fractional", "boolean", "text")
_MOMENTS = ("n", "mean", "m2", "total", "low", "high")
_WHOLE = pl.List(pl.Int64)
_FIELDS: dict[str, pl.DataType | type[pl.DataType]] = {
    "name": pl.String,
    "rows": pl.Int64,
    **dict.fromkeys(_TYPES, pl.Int64),
    "n": pl.Int64,
    **dict.fromkeys(_MOMENTS[1:], pl.Float64),
    "kll_k": pl.Int64,
    "kll_c": pl.Float64,
    "kll_sizes": _WHOLE,
    "kll_places": pl.Int64,
    "kll_values": pl.Binary,
    "kll_compactions": _WHOLE,
    "hll_registers": pl.Binary,
    "histogram_limit": pl.Int64,
    "histogram_values": pl.List(pl.String),
    "histogram_counts": _WHOLE,
}


def write(state: Table, path: Path) -> None:
    """Write ``state`` to ``path``, replacing what is there."""
    rows = [_row(name, column) for name, column in zip(state.names, state.columns, strict=True)]
    # By way of Polars: Arrow's own conversion of Python objects begins with importing pandas.
    table = pl.DataFrame(rows, schema=_FIELDS, orient="row").to_arrow(compat_level=pl.CompatLevel.oldest())
    metadata = {_VERSION_KEY: STATE_VERSION.encode(), _ROWS_KEY: str(state.rows).encode()}
    table = table.replace_schema_metadata(metadata).combine_chunks()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)


def read(path: Path) -> Table:
    """The state kept in ``path``.

    Raises:
        ValueError: The file is no state, or one of a version this package does not read.
    """
    try:
        # At once and without Arrow's threads: a file is small, and a year of them is read by a process a core.
        table = pa.ipc.open_file(pa.py_buffer(path.read_bytes()), options=_ALONE).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is no state file ({error}); run the window again.") from error
    metadata = table.schema.metadata or {}
    version = metadata.get(_VERSION_KEY, b"none").decode()
    if version != STATE_VERSION:
        raise ValueError(
            f"{path} holds a state of version {version}, this package reads {STATE_VERSION}; run it again."
        )
    columns = tuple(_columns(table.combine_chunks()))
    return Table(tuple(table["name"].to_pylist()), columns, int(metadata[_ROWS_KEY].decode()))


def _row(name: str, column: Column) -> tuple[Any, ...]:
    types, moments, sketch = column.types, column.moments, column.sketch
    kept = sorted(column.histogram.counts.items()) if column.histogram.counts is not None else None
    places, packed = pack(np.concatenate(sketch.levels))
    return (
        name,
        column.rows,
        *(getattr(types, kind) for kind in _TYPES),
        *(getattr(moments, moment) for moment in _MOMENTS),
        sketch.k,
        sketch.c,
        [level.size for level in sketch.levels],
        places,
        packed,
        list(sketch.compactions),
        column.distinct.registers.tobytes(),
        column.histogram.limit,
        None if kept is None else [text for text, _ in kept],
        None if kept is None else [count for _, count in kept],
    )


def _columns(table: pa.Table) -> Iterator[Column]:
    """The states of all columns. Sketches, most of a file, go to NumPy as they lie: no Python object a number."""
    if not table.num_rows:
        return
    told = {name: table[name].to_pylist() for name in _FIELDS if name not in ("kll_values", "hll_registers")}
    values, registers = _parts(table["kll_values"].chunk(0)), _parts(table["hll_registers"].chunk(0))
    for place, rows in enumerate(told["rows"]):
        numbers = unpack(told["kll_places"][place], values[place])
        bounds = pairwise(accumulate(told["kll_sizes"][place], initial=0))
        texts, counts = told["histogram_values"][place], told["histogram_counts"][place]
        yield Column(
            rows=rows,
            types=TypeCounts(*(told[kind][place] for kind in _TYPES)),
            moments=Moments(*(told[moment][place] for moment in _MOMENTS)),
            sketch=Kll(
                tuple(numbers[start:end] for start, end in bounds),
                tuple(told["kll_compactions"][place]),
                told["kll_k"][place],
                told["kll_c"][place],
            ),
            distinct=Distinct(np.frombuffer(registers[place], np.uint8, REGISTERS)),
            histogram=Histogram(
                None if texts is None else dict(zip(texts, counts, strict=True)), told["histogram_limit"][place]
            ),
        )


def _parts(binary: pa.Array) -> list[memoryview]:
    """The values of an array of large binaries, without a copy."""
    _, offset_buffer, data = binary.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[binary.offset : binary.offset + len(binary) + 1].tolist()
    whole = memoryview(data) if data is not None else memoryview(b"")
    return [whole[start:end] for start, end in pairwise(offsets)]
