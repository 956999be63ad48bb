"""The work on shares and parts of a merge, each of which any process can do by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Joining:
    """Joins a part and writes its merged records.

    Attributes:
        spilled: The files of each side.
        folder: Where the records go, for whoever puts them together.
        keep_folders: Apart by the folders in which their captures were found.
    """

    spilled: Mapping[str, tuple[Path, ...]]
    folder: Path
    keep_folders: bool

    def __call__(self, place: int) -> tuple[Counted, Written]:
        left, right = (read_part(self.spilled[side], place, schema) for side, schema in SCHEMAS.items())
        joined = merge_partition(left, right)
        path = self.folder / f"part-{place}.jsonl"
        return joined.counted, write_texts(joined.records, path, keep_folders=self.keep_folders)
