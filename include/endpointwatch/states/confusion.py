"""What a classifier said and what was true: counts of rows by class, predicted class and score."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: So many different (class, predicted class, score) are kept apart; beyond it scores are rounded down to a grid.
LIMIT = 1 << 18
_FINEST = 24
_NO_SCORE = np.int64(np.float64("nan").view(np.int64))
Codes = NDArray[np.int32]
Scores = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Rows of a classifier, counted; ``a + b`` describes both sets of rows.

    Exact up to ``limit`` different cells. Beyond it scores are rounded down to multiples of ``2**-resolution``, the
    finest grid on which the cells are few enough; since coarser grids contain the finer ones, the state of the whole is
    the same however the rows were cut. The counts by class and predicted class stay exact in any case.

    Attributes:
        classes: Their names, numbers by value before words by letter.
        actual: Place in ``classes`` of each cell's class, shape ``(cells,)``.
        predicted: The same of what was predicted, shape ``(cells,)``.
        score: Probability of the positive class, 0 to 1, NaN without one, shape ``(cells,)``.
        count: Rows in each cell, at least 1, shape ``(cells,)``. Cells ascend by score, then class, then prediction.
        resolution: Of the grid, in bits; None while scores are exact.
        limit: The largest number of cells.
    """

    classes: tuple[str, ...]
    actual: Codes
    predicted: Codes
    score: Scores
    count: Counts
    resolution: int | None = None
    limit: int = LIMIT

    @classmethod
    def empty(cls, limit: int = LIMIT) -> Confusion:
        codes = np.empty(0, np.int32)
        return cls((), codes, codes, np.empty(0), np.empty(0, np.int64), None, limit)

    @classmethod
    def of(
        cls, classes: tuple[str, ...], actual: Codes, predicted: Codes, score: Scores | None, limit: int = LIMIT
    ) -> Confusion:
        """The state of rows: places in ``classes``, and scores if there are any; all of shape ``(rows,)``."""
        scores = np.full(actual.size, np.nan) if score is None else score
        rows = cls(classes, actual, predicted, scores, np.ones(actual.size, np.int64), None, limit)
        return cls.total([rows], limit)

    @classmethod
    def total(cls, parts: Iterable[Confusion], limit: int = LIMIT) -> Confusion:
        """The state of all the parts' rows: cheaper than adding them one by one."""
        states = [part for part in parts if part.count.size]
        if not states:
            return cls.empty(limit)
        classes = tuple(sorted({name for state in states for name in state.classes}, key=_class_order))
        places = {name: place for place, name in enumerate(classes)}
        codes = [np.array([places[name] for name in state.classes], np.int32) for state in states]
        actual = np.concatenate([code[state.actual] for code, state in zip(codes, states, strict=True)])
        predicted = np.concatenate([code[state.predicted] for code, state in zip(codes, states, strict=True)])
        score = np.concatenate([state.score for state in states])
        count = np.concatenate([state.count for state in states])
        grids = [state.resolution for state in states if state.resolution is not None]
        resolution = min(grids) if grids else None
        while True:
            cells = _cells(actual, predicted, _on_grid(score, resolution), count)
            if cells[3].size <= limit or resolution == 0:
                return cls(classes, *cells, resolution, limit)
            resolution = _FINEST if resolution is None else resolution - 1
            actual, predicted, score, count = cells

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion.total((self, other), self.limit)

    @property
    def rows(self) -> int:
        return int(self.count.sum())

    @property
    def scored(self) -> bool:
        """Whether every row has a score; there is at least one row."""
        return bool(self.count.size) and not bool(np.isnan(self.score).any())

    @property
    def middle(self) -> Scores:
        """Each cell's score, on a grid the middle of its step, shape ``(cells,)``."""
        if self.resolution is None:
            return self.score
        return np.minimum(self.score + 2.0 ** -(self.resolution + 1), 1.0)

    def matrix(self, counts: Counts | None = None) -> Counts:
        """Rows by class (first axis) and predicted class (second), shape ``(classes, classes)``.

        Args:
            counts: Rows in each cell, where it is not all of them.
        """
        size = len(self.classes)
        matrix = np.zeros((size, size), np.int64)
        np.add.at(matrix, (self.actual, self.predicted), self.count if counts is None else counts)
        return matrix

    def without_labels(self) -> Confusion:
        """The same rows as if what was predicted were true: all that is known of them before labels come."""
        return Confusion.total([replace(self, actual=self.predicted)], self.limit).with_classes(self.classes)

    def with_classes(self, classes: Iterable[str]) -> Confusion:
        """The same rows, with ``classes`` among the classes even if no row is of them."""
        every = tuple(sorted({*self.classes, *classes}, key=_class_order))
        places = {name: place for place, name in enumerate(every)}
        code = np.array([places[name] for name in self.classes], np.int32)
        if not self.count.size:
            return Confusion(every, self.actual, self.predicted, self.score, self.count, self.resolution, self.limit)
        moved = (code[self.actual], code[self.predicted])
        return Confusion(every, *moved, self.score, self.count, self.resolution, self.limit)


def _class_order(name: str) -> tuple[int, float, str]:
    try:
        value = float(name)
    except ValueError:
        value = math.nan
    # `nan` and `inf` are words here: they have no place among numbers.
    return (0, value, name) if math.isfinite(value) else (1, 0.0, name)


def _on_grid(score: Scores, resolution: int | None) -> Scores:
    # Both steps are exact in floating point, so a coarse grid of a fine grid is the coarse grid.
    return score if resolution is None else np.ldexp(np.floor(np.ldexp(score, resolution)), -resolution)


def _cells(actual: Codes, predicted: Codes, score: Scores, count: Counts) -> tuple[Codes, Codes, Scores, Counts]:
    """Equal cells made one. Scores are not negative, so their bits ascend as they do, and NaN comes last."""
    bits = (score + 0.0).view(np.int64)
    bits = np.where(np.isnan(score), _NO_SCORE, bits)
    order = np.lexsort((predicted, actual, bits))
    actual, predicted, bits, count = actual[order], predicted[order], bits[order], count[order]
    change = (actual[1:] != actual[:-1]) | (predicted[1:] != predicted[:-1]) | (bits[1:] != bits[:-1])
    first = np.flatnonzero(np.concatenate(([True], change)))
    return actual[first], predicted[first], bits[first].view(np.float64), np.add.reduceat(count, first)
