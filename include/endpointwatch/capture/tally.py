"""The count of rows while they are read. One row is one line of a payload; a malformed record counts as one row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from endpointwatch.capture.accounting import Rows, SetAside

LISTED = 100


@dataclass(slots=True)
class Tally:
    """Counts rows by what became of them, and lists the first hundred that were set aside.

    Attributes:
        analysed: Rows handed on.
        outside_window: Rows of records that were not inferred in the window.
        skipped: Rows of shadow traffic, and records that a preprocessing script dropped.
        kinds: Rows set aside by kind of fault (``encoding``, ``width``, ``json``, …).
        listed: The first of them to be found, with file, line and reason.
    """

    analysed: int = 0
    outside_window: int = 0
    skipped: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    listed: list[SetAside] = field(default_factory=list)

    def set_aside(self, kind: str, file: str, line: int, reason: str, *, rows: int = 1) -> None:
        self.kinds[kind] += rows
        if len(self.listed) < LISTED:
            self.listed.append(SetAside(file=file, line=line, reason=reason))

    def add(self, later: Tally) -> None:
        """The counts of rows that were read after these."""
        self.analysed += later.analysed
        self.outside_window += later.outside_window
        self.skipped += later.skipped
        self.kinds.update(later.kinds)
        self.listed += later.listed[: max(0, LISTED - len(self.listed))]

    def rows(self) -> Rows:
        aside = self.kinds.total()
        return Rows(
            read=self.analysed + aside + self.outside_window + self.skipped,
            analysed=self.analysed,
            set_aside=aside,
            outside_window=self.outside_window,
            skipped=self.skipped,
        )
