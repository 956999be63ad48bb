"""Captures and labels in, merged records and their counts out; whatever their number, in bounded memory.

Both sides are parted by a hash of the id into pieces of about :data:`PART_BYTES`, on disk where there is more than one
piece, and joined piece by piece. The result does not depend on how many pieces there are, on the processes that work on
them, on the order in which labels came, or on how they are spread over files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import polars as pl

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.tally import Tally
from endpointwatch.merge.counts import Captures, Conflict, Labels, Merged
from endpointwatch.merge.join import LISTED, Counted, merge_partition
from endpointwatch.merge.output import MergedFiles
from endpointwatch.merge.parts import SCHEMAS, Joining, Spilling, Watch
from endpointwatch.merge.sources import Sources

PART_BYTES = 64 * 1024 * 1024
T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """``work`` of each of ``items`` in their order, as ``map`` does it; all of it can be pickled."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]: ...


def merge(
    sources: Sources,
    output: Path,
    *,
    scratch: Path | None = None,
    keep_folders: bool = False,
    part_bytes: int = PART_BYTES,
    each: Each = map,
    watch: Watch | None = None,
) -> Merged:
    """Write the merged records below ``output``; what became of every capture and every label.

    Args:
        sources: What is merged.
        output: Folder of the merged records (Model Monitor's schema, JSON Lines).
        scratch: A folder with room for two copies of the inputs; by default the system's for temporary files.
        keep_folders: Write below the folders in which the captures were found, as AWS's merger does.
        part_bytes: Bytes of input that are joined at a time: memory goes with it, the result does not.
        each: Does the work on files and on pieces; by default in this process, one after the other.
        watch: Is shown the merged records of each piece.

    Raises:
        CaptureError: The captures or the labels cannot be read at all.
    """
    tallies = {side: Tally() for side in SCHEMAS}
    count = sources.parts(part_bytes)
    totals = Totals()
    shares = tuple(sources.shares(tallies))
    with MergedFiles(output, keep_folders=keep_folders) as sink:
        if count == 1:
            frames = {side: [pl.DataFrame(schema=schema)] for side, schema in SCHEMAS.items()}
            for share in shares:
                frames[share.side] += sources.frames(share, tallies[share.side])
            joined = merge_partition(*(pl.concat(frames[side]) for side in SCHEMAS))
            sink.write(joined.records)
            totals.add(joined.counted)
            if watch is not None:
                watch.keep(watch.see(joined.answers))
        else:
            with tempfile.TemporaryDirectory(prefix=".merge-", dir=scratch) as place:
                folder = Path(place)
                spilled: dict[str, tuple[Path, ...]] = dict.fromkeys(SCHEMAS, ())
                for read in each(Spilling(sources, count, folder), enumerate(shares)):
                    tallies[read.side].add(read.tally)
                    spilled[read.side] += read.paths
                for counted, written, seen in each(Joining(spilled, folder, keep_folders, watch), range(count)):
                    sink.take(written)
                    totals.add(counted)
                    if watch is not None:
                        watch.keep(seen)
    return totals.told(sources, tallies["captures"], tallies["labels"], sink.files)


class Totals:
    """The counts of the partitions added up."""

    def __init__(self) -> None:
        self.matched = self.unmatched = self.used = self.duplicate = self.unknown = self.conflicting = 0
        self.conflicts: list[Conflict] = []

    def add(self, joined: Counted) -> None:
        for name in ("matched", "unmatched", "used", "duplicate", "unknown", "conflicting"):
            setattr(self, name, getattr(self, name) + getattr(joined, name))
        self.conflicts += joined.conflicts[: LISTED - len(self.conflicts)]

    def told(self, sources: Sources, of_captures: Tally, of_labels: Tally, files: tuple[str, ...]) -> Merged:
        rows, records = of_captures.rows(), of_labels.rows()
        return Merged(
            window=sources.window,
            captures=Captures(
                read=rows.read,
                captures=rows.analysed,
                matched=self.matched,
                unmatched=self.unmatched,
                outside_window=rows.outside_window,
                skipped=rows.skipped,
                set_aside=rows.set_aside,
            ),
            labels=Labels(
                read=records.read,
                labels=records.analysed,
                used=self.used,
                duplicate=self.duplicate,
                unknown=self.unknown,
                conflicting=self.conflicting,
                set_aside=records.set_aside,
            ),
            conflicts=tuple(self.conflicts),
            set_aside=_by_place(of_labels),
            captures_set_aside=_by_place(of_captures),
            files=files,
        )


def _by_place(tally: Tally) -> tuple[SetAside, ...]:
    return tuple(sorted(tally.listed, key=lambda fault: (fault.file, fault.line)))
