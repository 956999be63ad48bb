"""Merged records to files: how they are cut follows from the records alone."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import polars as pl
import pyarrow as pa

from endpointwatch.capture.ahead import ahead
from endpointwatch.states.raw import contents

RECORDS_A_FILE = 250_000
RECORDS_A_PIECE = 50_000


@dataclass(frozen=True, slots=True)
class Written:
    """Merged records in a file, not cut yet.

    Attributes:
        path: The file, JSON Lines.
        extents: The folder of each stretch, its records and its bytes, one after the other.
    """

    path: Path
    extents: tuple[tuple[str, int, int], ...]


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
        for folder, part in _by_folder(records, keep_folders=self._keep_folders):
            self._add(folder, part)

    def take(self, written: Written) -> None:
        """Add records that are written already; their file is removed."""
        if written.extents:
            with written.path.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                at = 0
                for folder, count, size in written.extents:
                    self._copy(folder, count, whole, at, at + size)
                    at += size
        written.path.unlink()

    def _copy(self, folder: str, count: int, whole: mmap.mmap, start: int, stop: int) -> None:
        pieces = list(self._cut(folder, count, RECORDS_A_FILE))
        for number, (_, taken) in enumerate(pieces, start=1):
            end = stop if number == len(pieces) else _behind(whole, start, taken)
            written = self._written.get(folder, 0)
            with memoryview(whole) as view, view[start:end] as piece:
                self._sink(folder, written).write(piece)
            self._written[folder] = written + taken
            start = end

    def _add(self, folder: str, records: pl.DataFrame) -> None:
        pieces = list(self._cut(folder, records.height, RECORDS_A_PIECE))
        texts = ahead(json_lines(records.slice(at, taken)) for at, taken in pieces)
        for (_, taken), piece in zip(pieces, texts, strict=True):
            written = self._written.get(folder, 0)
            self._sink(folder, written).write(piece)
            self._written[folder] = written + taken

    def _cut(self, folder: str, count: int, most: int) -> Iterator[tuple[int, int]]:
        """Where each piece of so many more records begins, and its length: none is of two files."""
        at, written = 0, self._written.get(folder, 0)
        while at < count:
            taken = min(count - at, RECORDS_A_FILE - (written + at) % RECORDS_A_FILE, most)
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


def write_texts(records: pl.DataFrame, path: Path, *, keep_folders: bool) -> Written:
    """Write records as :meth:`MergedFiles.write` takes them, for :meth:`MergedFiles.take`."""
    extents = []
    with path.open("wb") as sink:
        for folder, part in _by_folder(records, keep_folders=keep_folders):
            size = sum(sink.write(json_lines(piece)) for piece in part.iter_slices(RECORDS_A_PIECE))
            extents.append((folder, part.height, size))
    return Written(path, tuple(extents))


def _by_folder(records: pl.DataFrame, *, keep_folders: bool) -> Iterator[tuple[str, pl.DataFrame]]:
    if keep_folders:
        parts = records.group_by("folder", maintain_order=True)
        yield from ((str(folder), part) for (folder,), part in parts)
    elif records.height:
        yield ".", records


def _behind(whole: mmap.mmap, start: int, count: int) -> int:
    """The place behind so many lines from ``start`` on."""
    for _ in range(count):
        start = whole.find(b"\n", start) + 1
    return start


def json_lines(records: pl.DataFrame) -> memoryview:
    """JSON Lines, UTF-8, of records as :meth:`MergedFiles.write` takes them."""
    lines = records.select(pl.concat_str(pl.exclude("folder"), pl.lit("\n"))).to_series()
    data, _ = contents(lines.to_arrow().cast(pa.large_binary()))
    return data.data
