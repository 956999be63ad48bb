"""The work on shares and parts of a merge, each of which any process can do by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from endpointwatch.capture.tally import Tally
from endpointwatch.merge import captures as captured
from endpointwatch.merge import labels as labelled
from endpointwatch.merge.join import Counted, merge_partition
from endpointwatch.merge.output import Written, write_texts
from endpointwatch.merge.sources import Share, Sources
from endpointwatch.merge.spill import read_part, write_parts

SCHEMAS = {"captures": captured.SCHEMA, "labels": labelled.SCHEMA}


@dataclass(frozen=True, slots=True)
class Spilled:
    """The rows of a share: what became of them, and the files they went to."""

    side: str
    tally: Tally
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Spilling:
    """Reads a share and parts its rows.

    Attributes:
        sources: What is merged.
        count: How many parts.
        folder: Where the rows go.
    """

    sources: Sources
    count: int
    folder: Path

    def __call__(self, numbered: tuple[int, Share]) -> Spilled:
        number, share = numbered
        tally = Tally()
        frames = self.sources.frames(share, tally)
        return Spilled(share.side, tally, write_parts(frames, self.count, self.folder, f"{share.side}-{number}"))


class Watch(Protocol):
    """Who makes something of the merged records while they are at hand; it can be pickled before it has kept any."""

    def see(self, answers: pl.DataFrame) -> Any:
        """What is to be kept of a part, out of :attr:`endpointwatch.merge.join.Joined.answers`; in any process."""

    def keep(self, seen: Any) -> None:
        """Is handed what it saw of each part, in their order, in the process that merges."""


@dataclass(frozen=True, slots=True)
class Joining:
    """Joins a part and writes its merged records.

    Attributes:
        spilled: The files of each side.
        folder: Where the records go, for whoever puts them together.
        keep_folders: Apart by the folders in which their captures were found.
        watch: Is shown the merged records.
    """

    spilled: Mapping[str, tuple[Path, ...]]
    folder: Path
    keep_folders: bool
    watch: Watch | None

    def __call__(self, place: int) -> tuple[Counted, Written, Any]:
        left, right = (read_part(self.spilled[side], place, schema) for side, schema in SCHEMAS.items())
        joined = merge_partition(left, right)
        path = self.folder / f"part-{place}.jsonl"
        written = write_texts(joined.records, path, keep_folders=self.keep_folders)
        return joined.counted, written, None if self.watch is None else self.watch.see(joined.answers)
