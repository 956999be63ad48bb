"""Samples of numbers: with their weights, and counted in cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: Cells between the tails of a sample, of which each holds a ``_TAIL``-th of its values.
CELLS, _TAIL = 256, 64
Values = NDArray[np.float64]
Weights = NDArray[np.int64]
Shares = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Weighted:
    """A sample of numbers as a sketch keeps it.

    Attributes:
        values: Ascending, shape ``(n,)``.
        weights: How many rows each stands for, shape ``(n,)``.
    """

    values: Values
    weights: Weights

    @cached_property
    def total(self) -> int:
        return int(self.weights.sum())

    @cached_property
    def steps(self) -> Weighted:
        """The same sample with every value once, and the sum of its weights."""
        return self._once(np.add)

    @cached_property
    def one_per_value(self) -> Weighted:
        """The sample as Deequ's rank map sees it: equal values collapse into one, with the largest of their weights.

        This is what makes AWS's analyzer blind for columns of few different numbers; see :func:`numeric`.
        """
        return self._once(np.maximum)

    def _once(self, joined: np.ufunc) -> Weighted:
        starts = np.flatnonzero(np.concatenate(([True], self.values[1:] != self.values[:-1])))
        if starts.size == self.values.size:
            return self
        return Weighted(self.values[starts], joined.reduceat(self.weights, starts))

    @cached_property
    def shares(self) -> Values:
        """The share of the weight below the first of the :attr:`steps`, up to it, below the second, and so on."""
        upto = np.cumsum(self.steps.weights) / self.total
        below = np.concatenate(([0.0], upto[:-1]))
        return np.column_stack((below, upto)).ravel()

    @cached_property
    def cells(self) -> Cells | None:
        """The sample, counted in cells; None where it has no middle to cut into cells."""
        tail = self.values.size // _TAIL
        low, high = float(self.values[tail]), float(self.values[-1 - tail])
        width = (high - low) / CELLS
        if not 0 < width < math.inf or not math.isfinite(1 / width):
            return None
        return Cells(low, 1 / width, self)


@dataclass(frozen=True)
class Cells:
    """Equally wide cells over the middle of a sample; the first and the last one reach to infinity.

    Attributes:
        low: Where the first of them begins, in the values' unit; what lies below it is in the same cell.
        density: Cells to a unit.
        sample: What the cells are made for.
    """

    low: float
    density: float
    sample: Weighted

    @cached_property
    def shares(self) -> Shares:
        return self.shares_of(self.sample.values, self.sample.weights)

    def shares_of(self, values: Values, weights: Weights) -> Shares:
        """The shares of the weight below each cell and up to its end, shape ``(cells,)`` each.

        Args:
            values: In any order, shape ``(n,)``.
            weights: How many rows each stands for, shape ``(n,)``.
        """
        with np.errstate(over="ignore"):
            places = (values - self.low) * self.density
        # Whatever rounding does to a place, of two values the larger never gets the lower one.
        np.minimum(np.maximum(places, 0.0, out=places), CELLS - 1.0, out=places)
        counts = np.bincount(places.astype(np.intp), weights, minlength=CELLS)
        upto = np.cumsum(counts) / weights.sum()
        return np.concatenate(([0.0], upto[:-1])), upto
