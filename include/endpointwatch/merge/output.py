"""Merged records to files: how they are cut follows from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Self

import polars as pl
import pyarrow as pa

from endpointwatch.states.raw import contents

RECORDS_A_FILE = 250_000


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

    def __enter__(self) -> Self:
        self._root.mkdir(parents=True, exist_ok=True)
        # Files of an earlier merge with more records would otherwise stay beside today's.
        for old in self._root.rglob("merged-*.jsonl"):
            old.unlink()
        return self

    def __exit__(self, *failure: object) -> None:
        for sink in self._open.values():
            sink.close()

    def write(self, records: pl.DataFrame) -> None:
        """Add records (``folder`` and ``line``, which ends with a line feed) in their order."""
        if not self._keep_folders:
            self._add(".", records["line"])
            return
        for (folder,), part in records.group_by("folder", maintain_order=True):
            self._add(str(folder), part["line"])

    def _add(self, folder: str, lines: pl.Series) -> None:
        at = 0
        while at < len(lines):
            written = self._written.get(folder, 0)
            taken = min(len(lines) - at, RECORDS_A_FILE - written % RECORDS_A_FILE)
            self._sink(folder, written).write(_bytes(lines.slice(at, taken)))
            self._written[folder] = written + taken
            at += taken

    def _sink(self, folder: str, written: int) -> BinaryIO:
        if written % RECORDS_A_FILE == 0:
            if folder in self._open:
                self._open[folder].close()
            path = self._root / folder / f"merged-{written // RECORDS_A_FILE:05d}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[folder] = path.open("wb")
        return self._open[folder]


def _bytes(lines: pl.Series) -> memoryview:
    """The texts one after the other, as Arrow keeps them."""
    data, _ = contents(lines.to_arrow().cast(pa.large_binary()))
    return data.data
