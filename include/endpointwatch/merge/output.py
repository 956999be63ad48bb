"""Merged records to files: how they are cut follows from the records alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import polars as pl
import pyarrow as pa

from endpointwatch.capture.ahead import ahead
from endpointwatch.states.raw import contents

RECORDS_A_FILE = 250_000
RECORDS_A_PIECE = 50_000


class MergedFiles:
    """``merged-00000.jsonl`` and so on, in each folder of records; a context manager.

    Args:
        root: Where the folders go.
        keep_folders: Each record goes below the folder that its capture was found in; else all go into ``root``.
    """

    def __init__(self, root: Path, *, keep_folders: bool = False) -> None:
        self._root = root
        self._keep_folders = keep_folders
        self._written: dict[str, int] = {}
        self._open: dict[str, BinaryIO] = {}
        self._files: list[str] = []

    def __enter__(self) -> Self:
        self._root.mkdir(parents=True, exist_ok=True)
        # Files of an earlier merge with more records would otherwise stay beside today's.
        for old in self._root.rglob("merged-*.jsonl"):
            old.unlink()
        return self

    def __exit__(self, *failure: object) -> None:
        for sink in self._open.values():
            sink.close()

    @property
    def files(self) -> tuple[str, ...]:
        """Those that were written, sorted, as paths below the root."""
        return tuple(sorted(self._files))

    def write(self, records: pl.DataFrame) -> None:
        """Add records in their order: ``folder``, and columns of texts that one after the other are the record."""
        if not self._keep_folders:
            self._add(".", records)
            return
        for (folder,), part in records.group_by("folder", maintain_order=True):
            self._add(str(folder), part)

    def _add(self, folder: str, records: pl.DataFrame) -> None:
        pieces = list(self._cut(folder, records.height))
        texts = ahead(json_lines(records.slice(at, taken)) for at, taken in pieces)
        for (_, taken), piece in zip(pieces, texts, strict=True):
            written = self._written.get(folder, 0)
            self._sink(folder, written).write(piece)
            self._written[folder] = written + taken

    def _cut(self, folder: str, count: int) -> Iterator[tuple[int, int]]:
        """Where each piece of so many more records begins, and its length: none goes beyond the end of a file."""
        at, written = 0, self._written.get(folder, 0)
        while at < count:
            taken = min(count - at, RECORDS_A_FILE - (written + at) % RECORDS_A_FILE, RECORDS_A_PIECE)
            yield at, taken
            at += taken

    def _sink(self, folder: str, written: int) -> BinaryIO:
        if written % RECORDS_A_FILE == 0:
            if folder in self._open:
                self._open[folder].close()
            path = self._root / folder / f"merged-{written // RECORDS_A_FILE:05d}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files.append(path.relative_to(self._root).as_posix())
            self._open[folder] = path.open("wb")
        return self._open[folder]


def json_lines(records: pl.DataFrame) -> memoryview:
    """JSON Lines, UTF-8, of records as :meth:`MergedFiles.write` takes them."""
    lines = records.select(pl.concat_str(pl.exclude("folder"), pl.lit("\n"))).to_series()
    data, _ = contents(lines.to_arrow().cast(pa.large_binary()))
    return data.data
