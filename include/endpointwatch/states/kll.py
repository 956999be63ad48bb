"""The KLL quantile sketch exactly as Deequ (and with it Model Monitor) builds it.

Deequ's compactor draws no random numbers, so one order of rows gives one sketch, and a baseline that AWS wrote can be
compared element by element. Values are taken in whole arrays; the result is the same as one value at a time.

References:
    Karnin, Lang & Liberty (2016), "Optimal quantile approximation in streams".
    awslabs/deequ, ``QuantileNonSample.scala`` and ``NonSampleCompactor.scala``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Matrix = NDArray[np.float64]
_EMPTY: Values = np.empty(0)

SKETCH_SIZE = 2048
SHRINKING_FACTOR = 0.64


@dataclass(frozen=True, slots=True, eq=False)
class Kll:
    """A sketch of numbers; ``a + b`` sketches both.

    Attributes:
        levels: One array per level, level 0 first; a value on level ``i`` stands for ``2**i`` rows.
        compactions: How often each level has been compacted; decides which half the next compaction keeps.
        k: Sketch size.
        c: Shrinking factor of the levels' capacities.
    """

    levels: tuple[Values, ...] = (_EMPTY,)
    compactions: tuple[int, ...] = (0,)
    k: int = SKETCH_SIZE
    c: float = SHRINKING_FACTOR

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kll):
            return NotImplemented
        return (self.k, self.c, self.compactions, len(self.levels)) == (
            other.k,
            other.c,
            other.compactions,
            len(other.levels),
        ) and all(np.array_equal(mine, its) for mine, its in zip(self.levels, other.levels, strict=True))

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    @property
    def weight(self) -> int:
        """How many rows the sketch stands for; no compaction changes it."""
        return sum(level.size << height for height, level in enumerate(self.levels))

    def extend(self, values: Values) -> Kll:
        """This sketch after ``values``, shape ``(n,)``, have arrived one by one in their order."""
        return extended([self], [values])[0]

    def __add__(self, other: Kll) -> Kll:
        work = _Work([self])
        while len(work.levels) < len(other.levels):
            work.grow()
        for height, level in enumerate(other.levels):
            work.levels[height].append(level[np.newaxis])
        work.stored += sum(level.size for level in other.levels)
        # With >= unlike in `extended`: Deequ's merge condenses a sketch that is exactly full.
        while work.stored >= work.capacity and work.condense():
            pass
        return work.done()[0]

    def stored(self) -> tuple[Values, NDArray[np.int64]]:
        """All stored values, level by level, with their weights, both of shape ``(stored,)``."""
        if len(self.levels) == 1:
            return self.levels[0], np.ones(self.levels[0].size, np.int64)
        values = np.concatenate(self.levels)
        return values, np.repeat(np.left_shift(1, np.arange(len(self.levels))), [level.size for level in self.levels])

    def weighted(self) -> tuple[Values, NDArray[np.int64]]:
        """All stored values in ascending order with their weights, both of shape ``(stored,)``."""
        values, weights = self.stored()
        if len(self.levels) == 1:
            # An hour of little traffic: a plain sort is several times faster than one that has to carry the weights.
            return np.sort(values), weights
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]

    @classmethod
    def read(cls, levels: Sequence[Sequence[float]], *, k: int = SKETCH_SIZE, c: float = SHRINKING_FACTOR) -> Kll:
        """A sketch from the ``sketch.data`` of a statistics file (which does not say how often it was compacted)."""
        arrays = tuple(np.asarray(level, dtype=np.float64) for level in levels) or (_EMPTY,)
        return cls(arrays, (0,) * len(arrays), k, c)


def extended(sketches: Sequence[Kll], values: Sequence[Values]) -> list[Kll]:
    """Each of ``sketches`` after the ``values`` of its own, as :meth:`Kll.extend`.

    When a sketch compacts follows from how many values came, not from which: sketches of equally many are one matrix,
    a row each, and are compacted together.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, (sketch, own) in enumerate(zip(sketches, values, strict=True)):
        sizes = tuple(level.size for level in sketch.levels)
        alike.setdefault((sizes, sketch.compactions, sketch.k, sketch.c, own.size), []).append(place)
    answer = list(sketches)
    for places in alike.values():
        work = _Work([sketches[place] for place in places])
        work.arrive(np.stack([values[place] for place in places]))
        for place, sketch in zip(places, work.done(), strict=True):
            answer[place] = sketch
    return answer


class _Work:
    """Sketches of one shape while they change, a row each: levels as lists of pieces, joined when one is compacted."""

    def __init__(self, sketches: Sequence[Kll]) -> None:
        first = sketches[0]
        levels = zip(*(sketch.levels for sketch in sketches), strict=True)
        self.levels: list[list[Matrix]] = [[np.stack(level)] for level in levels]
        self.compactions = list(first.compactions)
        self.k, self.c = first.k, first.c
        self.stored = sum(level.size for level in first.levels)
        self.capacity = sum(self._capacity(height) for height in range(len(self.levels)))

    def _capacity(self, height: int) -> int:
        return 2 * (math.ceil(self.k * self.c**height / 2) + 1)

    def arrive(self, values: Matrix) -> None:
        """Take ``values``, shape ``(sketches, n)``, one column after the other."""
        start, end = 0, values.shape[1]
        while start < end:
            # Nothing happens until one value more than the capacity is stored, so so many can arrive at once.
            stop = min(end, start + max(1, self.capacity + 1 - self.stored))
            self.levels[0].append(values[:, start:stop])
            self.stored += stop - start
            start = stop
            if self.stored > self.capacity:
                self.condense()

    def grow(self) -> None:
        self.capacity += self._capacity(len(self.levels))
        self.levels.append([])
        self.compactions.append(0)

    def condense(self) -> bool:
        """Compact the lowest level that holds at least its capacity; False when there is none."""
        for height, pieces in enumerate(self.levels):
            if sum(piece.shape[1] for piece in pieces) >= self._capacity(height):
                if height + 1 == len(self.levels):
                    self.grow()
                self._compact(height)
                return True
        return False

    def _compact(self, height: int) -> None:
        values = np.concatenate(self.levels[height], axis=1)
        self.compactions[height] += 1
        # The offset of the kept half flips at every second compaction: 0, 1, 1, 0, 0, 1, 1, …
        offset = (self.compactions[height] // 2) % 2
        even = values.shape[1] - values.shape[1] % 2
        # What lies on a level above the lowest came in sorted pieces, which that kind of sort merges.
        ordered = np.sort(values[:, :even], axis=1, kind="stable" if height else None)
        # A copy, since a part of the sorted array would keep all of it in memory.
        kept = ordered[:, offset::2].copy()
        self.levels[height] = [values[:, even:].copy()]  # of an odd number, the last to arrive stays behind
        self.levels[height + 1].append(kept)
        self.stored -= even - kept.shape[1]

    def done(self) -> list[Kll]:
        count = self.levels[0][0].shape[0]
        levels = [np.concatenate(pieces, axis=1) if pieces else np.empty((count, 0)) for pieces in self.levels]
        # Each row for itself: one sketch must not keep all of them in memory.
        return [
            Kll(tuple(level[row].copy() for level in levels), tuple(self.compactions), self.k, self.c)
            for row in range(count)
        ]
