"""Rows parted by the hash of their id, on disk: what lies in memory at a time is one part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from endpointwatch.merge.join import partition_of
from endpointwatch.merge.lines import Schema

#: So many frames make a file: few enough to lie in memory together, enough that a part is no crumb.
FRAMES_A_FILE = 8


def write_parts(frames: Iterator[pl.DataFrame], count: int, folder: Path, name: str) -> tuple[Path, ...]:
    """The rows of ``frames`` in files that each hold some of every part; in each part they keep their order.

    Args:
        frames: Rows with an ``id``.
        count: How many parts.
        folder: Where the files go.
        name: What their names begin with.
    """
    paths: list[Path] = []
    while held := list(islice(frames, FRAMES_A_FILE)):
        path = folder / f"{name}-{len(paths)}.arrow"
        rows = pl.concat(held)
        if rows.height:
            _write(rows, count, path)
            paths.append(path)
    return tuple(paths)


def read_part(paths: Sequence[Path], place: int, schema: Schema) -> pl.DataFrame:
    """The rows of one part, out of the files that :func:`write_parts` left."""
    batches = []
    for path in paths:
        # Mapped, not copied: the rows lie where the file's pages are.
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as stored:
            batches.append(stored.get_batch(place))
    if not batches:
        return pl.DataFrame(schema=schema)
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))


def _write(rows: pl.DataFrame, count: int, path: Path) -> None:
    places = partition_of(rows["id"], count).astype(np.uint16)
    order = np.argsort(places, kind="stable")
    table = rows[order].to_arrow(compat_level=pl.CompatLevel.oldest())
    bounds = np.searchsorted(places[order], np.arange(count + 1))
    (batch,) = table.combine_chunks().to_batches()
    with path.open("wb") as sink, pa.ipc.new_file(sink, table.schema) as stored:
        for start, stop in pairwise(bounds.tolist()):
            stored.write_batch(batch.slice(start, stop - start))
