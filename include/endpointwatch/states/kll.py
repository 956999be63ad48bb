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
        work = _Work(self)
        start = 0
        while start < values.size:
            # Nothing happens until one value more than the capacity is stored, so so many can arrive at once.
            room = max(1, work.capacity + 1 - work.stored)
            work.append(values[start : start + room])
            start += room
            if work.stored > work.capacity:
                work.condense()
        return work.done()

    def __add__(self, other: Kll) -> Kll:
        work = _Work(self)
        while len(work.levels) < len(other.levels):
            work.grow()
        for height, level in enumerate(other.levels):
            work.levels[height].append(level)
        work.stored += sum(level.size for level in other.levels)
        # With >= unlike above: Deequ's merge condenses a sketch that is exactly full.
        while work.stored >= work.capacity and work.condense():
            pass
        return work.done()

    def weighted(self) -> tuple[Values, NDArray[np.int64]]:
        """All stored values in ascending order with their weights, both of shape ``(stored,)``."""
        if len(self.levels) == 1:
            # An hour of little traffic: a plain sort is several times faster than one that has to carry the weights.
            return np.sort(self.levels[0]), np.ones(self.levels[0].size, np.int64)
        values = np.concatenate(self.levels)
        weights = np.repeat(np.left_shift(1, np.arange(len(self.levels))), [level.size for level in self.levels])
        order = np.argsort(values, kind="stable")
        return values[order], weights[order].astype(np.int64)

    @classmethod
    def read(cls, levels: Sequence[Sequence[float]], *, k: int = SKETCH_SIZE, c: float = SHRINKING_FACTOR) -> Kll:
        """A sketch from the ``sketch.data`` of a statistics file (which does not say how often it was compacted)."""
        arrays = tuple(np.asarray(level, dtype=np.float64) for level in levels) or (_EMPTY,)
        return cls(arrays, (0,) * len(arrays), k, c)


class _Work:
    """A sketch while it changes: levels as lists of pieces, joined only when a level is compacted."""

    def __init__(self, sketch: Kll) -> None:
        self.levels: list[list[Values]] = [[level] for level in sketch.levels]
        self.compactions = list(sketch.compactions)
        self.k, self.c = sketch.k, sketch.c
        self.stored = sum(level.size for level in sketch.levels)
        self.capacity = sum(self._capacity(height) for height in range(len(self.levels)))

    def _capacity(self, height: int) -> int:
        return 2 * (math.ceil(self.k * self.c**height / 2) + 1)

    def append(self, values: Values) -> None:
        self.levels[0].append(values)
        self.stored += values.size

    def grow(self) -> None:
        self.capacity += self._capacity(len(self.levels))
        self.levels.append([])
        self.compactions.append(0)

    def condense(self) -> bool:
        """Compact the lowest level that holds at least its capacity; False when there is none."""
        for height, pieces in enumerate(self.levels):
            if sum(piece.size for piece in pieces) >= self._capacity(height):
                if height + 1 == len(self.levels):
                    self.grow()
                self._compact(height)
                return True
        return False

    def _compact(self, height: int) -> None:
        values = np.concatenate(self.levels[height])
        self.compactions[height] += 1
        # The offset of the kept half flips at every second compaction: 0, 1, 1, 0, 0, 1, 1, …
        offset = (self.compactions[height] // 2) % 2
        even = values.size - values.size % 2
        kept = np.sort(values[:even])[offset::2]
        self.levels[height] = [values[even:]]  # of an odd number, the last to arrive stays behind
        self.levels[height + 1].append(kept)
        self.stored -= even - kept.size

    def done(self) -> Kll:
        levels = tuple(np.concatenate(pieces) if pieces else _EMPTY for pieces in self.levels)
        return Kll(levels, tuple(self.compactions), self.k, self.c)
