"""Rows parted by the hash of their id, on disk when they are many: what lies in memory at a time is one part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from endpointwatch.merge.join import partition_of
from endpointwatch.merge.lines import Schema


def parted(frames: Iterable[pl.DataFrame], schema: Schema, count: int, folder: Path) -> Iterator[pl.DataFrame]:
    """The rows of ``frames`` in ``count`` parts; in each part they keep their order.

    With one part nothing is written. ``frames`` is used up before the first part is handed on.

    Args:
        frames: Rows with an ``id``.
        schema: Theirs.
        count: How many parts.
        folder: An empty folder to write to; every part's file is removed once it was handed on.
    """
    if count == 1:
        return iter([pl.concat([pl.DataFrame(schema=schema), *frames])])
    paths = [folder / f"{place}.arrows" for place in range(count)]
    _write(frames, paths)
    return (_read(path, schema) for path in paths)


def _write(frames: Iterable[pl.DataFrame], paths: list[Path]) -> None:
    writers: dict[int, pa.RecordBatchStreamWriter] = {}
    sinks = {place: paths[place].open("wb") for place in range(len(paths))}
    try:
        for frame in frames:
            marked = frame.with_columns(part=pl.Series(partition_of(frame["id"], len(paths)), dtype=pl.UInt32))
            for part in marked.partition_by("part", maintain_order=True):
                place = part.item(0, "part")
                table = part.drop("part").to_arrow(compat_level=pl.CompatLevel.oldest())
                if place not in writers:
                    writers[place] = pa.ipc.new_stream(sinks[place], table.schema)
                writers[place].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()
        for sink in sinks.values():
            sink.close()


def _read(path: Path, schema: Schema) -> pl.DataFrame:
    if not path.stat().st_size:
        path.unlink()
        return pl.DataFrame(schema=schema)
    # Mapped, not copied: the rows lie where the file's pages are, and keep them after the file is gone.
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
        table = stream.read_all()
    path.unlink()
    return pl.DataFrame(pl.from_arrow(table))
