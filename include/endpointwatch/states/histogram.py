"""Exact counts of a column's texts, as long as there are few different ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

# Kept counts. What is reported is limited further, by the estimated number of distinct values (see the monitor).
LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by text; ``a + b`` counts both.

    Attributes:
        counts: Text to number of rows; None once more than ``limit`` different texts were seen. Then nothing is kept:
            a part of the counts would depend on which rows came first.
        limit: Most different texts that are kept.
    """

    counts: dict[str, int] | None = field(default_factory=dict)
    limit: int = LIMIT

    @classmethod
    def of(cls, texts: Iterable[str], counts: Iterable[int], *, limit: int = LIMIT) -> Histogram:
        table = dict(zip(texts, counts, strict=True))
        return cls(table if len(table) <= limit else None, limit)

    def __add__(self, other: Histogram) -> Histogram:
        limit = min(self.limit, other.limit)
        if self.counts is None or other.counts is None:
            return Histogram(None, limit)
        table = dict(self.counts)
        for text, count in other.counts.items():
            table[text] = table.get(text, 0) + count
        return Histogram(table if len(table) <= limit else None, limit)

    def ordered(self) -> tuple[tuple[str, int], ...]:
        """Texts with counts, the most frequent first, equal ones by text; () when no counts are kept."""
        # AWS's order is that of a hash map and means nothing; this one is the same on every run.
        return tuple(sorted((self.counts or {}).items(), key=lambda item: (-item[1], item[0])))
