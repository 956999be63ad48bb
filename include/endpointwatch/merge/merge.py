"""Captures and labels in, merged records and their counts out; whatever their number, in bounded memory.

Both sides are parted by a hash of the id into pieces of about :data:`PART_BYTES`, on disk where there is more than one
piece, and joined piece by piece. The result does not depend on how many pieces there are, on the order in which labels
came, or on how they are spread over files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.ahead import ahead
from endpointwatch.capture.files import GZIP, files
from endpointwatch.capture.tally import Tally
from endpointwatch.config.ground_truth import LabelRecord
from endpointwatch.config.window import Window
from endpointwatch.merge import captures as captured
from endpointwatch.merge import labels as labelled
from endpointwatch.merge.counts import Captures, Conflict, Labels, Merged
from endpointwatch.merge.join import LISTED, Joined, merge_partition
from endpointwatch.merge.output import MergedFiles
from endpointwatch.merge.spill import parted

# Parting costs an eighth more than joining all at once; some four pieces are in memory at a time.
PART_BYTES = 64 * 1024 * 1024
MOST_PARTS = 1024
AWS_RECORD = LabelRecord()
_GZIP_RATIO = 8

Read = Callable[[Tally], Iterator[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What is merged.

    Attributes:
        captures: The folder of the captures.
        labels: The folder of the ground truth; None when no label came.
        record: How a label record is read.
        window: Only captures inferred in it; None takes all.
        read_captures: Reads them into frames of :data:`endpointwatch.merge.captures.SCHEMA`; by default as what an
            endpoint captures.
    """

    captures: Path
    labels: Path | None
    record: LabelRecord = AWS_RECORD
    window: Window | None = None
    read_captures: Read | None = None

    def capture_frames(self, tally: Tally) -> Iterator[pl.DataFrame]:
        if self.read_captures is not None:
            return self.read_captures(tally)
        return captured.captures(self.captures, self.window, tally)

    def label_frames(self, tally: Tally) -> Iterator[pl.DataFrame]:
        return labelled.labels(self.labels, self.record, tally) if self.labels is not None else iter(())

    def parts(self, part_bytes: int) -> int:
        """How many pieces of about ``part_bytes`` the inputs make."""
        folders = [folder for folder in (self.captures, self.labels) if folder is not None]
        size = sum(_size(path) for folder in folders for path in files(folder))
        return min(MOST_PARTS, max(1, -(-size // part_bytes)))


def merge(
    sources: Sources,
    output: Path,
    *,
    scratch: Path | None = None,
    keep_folders: bool = False,
    part_bytes: int = PART_BYTES,
) -> Merged:
    """Write the merged records below ``output``; what became of every capture and every label.

    Args:
        sources: What is merged.
        output: Folder of the merged records (Model Monitor's schema, JSON Lines).
        scratch: A folder with room for a copy of the inputs; by default the system's for temporary files.
        keep_folders: Write below the folders in which the captures were found, as AWS's merger does.
        part_bytes: Bytes of input that are joined at a time: memory goes with it, the result does not.

    Raises:
        CaptureError: The captures or the labels cannot be read at all.
    """
    of_captures, of_labels = Tally(), Tally()
    count = sources.parts(part_bytes)
    totals = Totals()
    with (
        tempfile.TemporaryDirectory(prefix=".merge-", dir=scratch) as place,
        MergedFiles(output, keep_folders=keep_folders) as sink,
    ):
        folders = [Path(place) / side for side in ("captures", "labels")]
        for folder in folders:
            folder.mkdir()
        with ThreadPoolExecutor(1, thread_name_prefix="labels") as pool:
            reading = pool.submit(parted, sources.label_frames(of_labels), labelled.SCHEMA, count, folders[1])
            left = parted(sources.capture_frames(of_captures), captured.SCHEMA, count, folders[0])
            right = reading.result()
        for joined in ahead((merge_partition(*sides) for sides in zip(left, right, strict=True)), 1):
            sink.write(joined.records)
            totals.add(joined)
    return totals.told(sources, of_captures, of_labels, sink.files)


class Totals:
    """The counts of the partitions added up."""

    def __init__(self) -> None:
        self.matched = self.unmatched = self.used = self.duplicate = self.unknown = self.conflicting = 0
        self.conflicts: list[Conflict] = []

    def add(self, joined: Joined) -> None:
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


def _size(path: Path) -> int:
    return path.stat().st_size * (_GZIP_RATIO if path.name.endswith(GZIP) else 1)
