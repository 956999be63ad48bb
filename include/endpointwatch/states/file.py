"""The file form of a table's state: Arrow IPC, one row per column, versioned. The same state gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from endpointwatch.states.column import Column
from endpointwatch.states.distinct import REGISTERS, Distinct
from endpointwatch.states.histogram import Histogram
from endpointwatch.states.kll import Kll
from endpointwatch.states.moments import Moments
from endpointwatch.states.table import Table
from endpointwatch.states.types import TypeCounts

STATE_FILE = "state.arrow"
STATE_VERSION = "1"
_VERSION_KEY = b"endpointwatch.state.version"
_ROWS_KEY = b"endpointwatch.state.rows"

_FIELDS = [
    ("name", pa.string()),
    ("rows", pa.int64()),
    *[(kind, pa.int64()) for kind in ("integral", "fractional", "boolean", "text")],
    ("n", pa.int64()),
    *[(moment, pa.float64()) for moment in ("mean", "m2", "total", "low", "high")],
    ("kll_k", pa.int64()),
    ("kll_c", pa.float64()),
    ("kll_levels", pa.list_(pa.list_(pa.float64()))),
    ("kll_compactions", pa.list_(pa.int64())),
    ("hll_registers", pa.binary(REGISTERS)),
    ("histogram_limit", pa.int64()),
    ("histogram_values", pa.list_(pa.string())),
    ("histogram_counts", pa.list_(pa.int64())),
]


def write(state: Table, path: Path) -> None:
    """Write ``state`` to ``path``, replacing what is there."""
    metadata = {_VERSION_KEY: STATE_VERSION.encode(), _ROWS_KEY: str(state.rows).encode()}
    schema = pa.schema(_FIELDS, metadata=metadata)
    rows = [_row(name, column) for name, column in zip(state.names, state.columns, strict=True)]
    table = pa.Table.from_pylist(rows, schema=schema)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(table)


def read(path: Path) -> Table:
    """The state kept in ``path``.

    Raises:
        ValueError: The file is no state, or one of a version this package does not read.
    """
    try:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
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


def _row(name: str, column: Column) -> dict[str, Any]:
    types, moments, sketch = column.types, column.moments, column.sketch
    kept = sorted(column.histogram.counts.items()) if column.histogram.counts is not None else None
    return {
        "name": name,
        "rows": column.rows,
        "integral": types.integral,
        "fractional": types.fractional,
        "boolean": types.boolean,
        "text": types.text,
        "n": moments.n,
        "mean": moments.mean,
        "m2": moments.m2,
        "total": moments.total,
        "low": moments.low,
        "high": moments.high,
        "kll_k": sketch.k,
        "kll_c": sketch.c,
        "kll_levels": [level.tolist() for level in sketch.levels],
        "kll_compactions": list(sketch.compactions),
        "hll_registers": column.distinct.registers.tobytes(),
        "histogram_limit": column.histogram.limit,
        "histogram_values": None if kept is None else [text for text, _ in kept],
        "histogram_counts": None if kept is None else [count for _, count in kept],
    }


def _columns(table: pa.Table) -> Iterator[Column]:
    """The states of all columns. Sketches, most of a file, go to NumPy as they lie: no Python object a number."""
    if not table.num_rows:
        return
    large = {"kll_levels", "kll_compactions", "hll_registers"}
    small = table.drop_columns(list(large)).to_pylist()
    levels, compactions, registers = (table[key].chunk(0) for key in ("kll_levels", "kll_compactions", "hll_registers"))
    of_column, of_level = levels.offsets.to_numpy(), levels.values.offsets.to_numpy()
    numbers = levels.values.values.to_numpy()
    for place, row in enumerate(small):
        texts, counts = row["histogram_values"], row["histogram_counts"]
        bounds = of_level[of_column[place] : of_column[place + 1] + 1].tolist()
        yield Column(
            rows=row["rows"],
            types=TypeCounts(*(row[key] for key in ("integral", "fractional", "boolean", "text"))),
            moments=Moments(*(row[key] for key in ("n", "mean", "m2", "total", "low", "high"))),
            sketch=Kll(
                tuple(numbers[start:end] for start, end in pairwise(bounds)),
                tuple(compactions[place].as_py()),
                row["kll_k"],
                row["kll_c"],
            ),
            distinct=Distinct(np.frombuffer(registers[place].as_py(), np.uint8)),
            histogram=Histogram(
                None if texts is None else dict(zip(texts, counts, strict=True)), row["histogram_limit"]
            ),
        )
