"""Where captures and labels lie, and the shares in which they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from endpointwatch.capture.files import SUFFIXES, files, text_bytes
from endpointwatch.capture.tally import Tally
from endpointwatch.config.ground_truth import LabelRecord
from endpointwatch.config.window import Window
from endpointwatch.merge import captures as captured
from endpointwatch.merge import labels as labelled

MOST_PARTS = 1024
#: So much is read at a time by whoever reads.
SHARE_BYTES = 24 * 1024 * 1024
AWS_RECORD = LabelRecord()

Read = Callable[[Tally], Iterator[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class Share:
    """Some files of one side, with their places in that side's order.

    Attributes:
        side: Which.
        places: The files; None: all that this side has, by the one who knows how to read them.
    """

    side: Literal["captures", "labels"]
    places: Mapping[Path, int] | None


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

    def shares(self, tally: Mapping[str, Tally]) -> Iterator[Share]:
        """All files, captures first; those that are passed over are counted here.

        Args:
            tally: Of each side.

        Raises:
            CaptureError: A folder is not there.
        """
        if self.read_captures is not None:
            yield Share("captures", None)
        else:
            captured.count_unread(self.captures, tally["captures"])
            found = files(self.captures, SUFFIXES)
            yield from (Share("captures", places) for places in _cut({path: at for at, path in enumerate(found)}))
        if self.labels is not None:
            captured.count_unread(self.labels, tally["labels"])
            yield from (Share("labels", places) for places in _cut(labelled.delivered(self.labels)))

    def frames(self, share: Share, tally: Tally) -> Iterator[pl.DataFrame]:
        """The rows of a share, in order; ``tally`` counts them.

        Raises:
            CaptureError: A file cannot be read.
        """
        if share.side == "labels" and self.labels is not None:
            return labelled.labels(self.labels, self.record, tally, share.places)
        if self.read_captures is not None:
            return self.read_captures(tally)
        return captured.captures(self.captures, self.window, tally, None if share.places is None else [*share.places])

    def parts(self, part_bytes: int) -> int:
        """How many pieces of about ``part_bytes`` the inputs make."""
        folders = [folder for folder in (self.captures, self.labels) if folder is not None]
        size = sum(text_bytes(path) for folder in folders for path in files(folder))
        return min(MOST_PARTS, max(1, -(-size // part_bytes)))


def _cut(places: Mapping[Path, int]) -> Iterator[dict[Path, int]]:
    """The same files in sets of about :data:`SHARE_BYTES`."""
    share: dict[Path, int] = {}
    filled = 0
    for path, place in places.items():
        if share and filled + text_bytes(path) > SHARE_BYTES:
            yield share
            share, filled = {}, 0
        share[path] = place
        filled += text_bytes(path)
    if share:
        yield share
