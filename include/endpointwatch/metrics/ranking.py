"""How well scores rank: receiver operating characteristic, precision-recall curve, and the areas under them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
#: A curve in a file has less than twice as many points; the areas are always those of the whole curve.
POINTS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Both curves, a point for each different score in descending order.

    Attributes:
        false_positive_rates: Shape ``(points + 1,)``, the first is 0, the last 1.
        true_positive_rates: The same length; also the recalls of the precision-recall curve.
        precisions: The same length; the first repeats the second, since without any alarm there is no precision.
    """

    false_positive_rates: Numbers
    true_positive_rates: Numbers
    precisions: Numbers

    @classmethod
    def of(cls, score: Numbers, positives: Numbers, negatives: Numbers) -> Curves | None:
        """The curves of scores that many rows may share; None where one of the classes has no row.

        Args:
            score: Ascending, shape ``(cells,)``; a score may stand in several cells.
            positives: Rows of the positive class in each cell, shape ``(cells,)``. Expected rows do as well.
            negatives: Rows of the other, shape ``(cells,)``.
        """
        found, missed = positives.sum(), negatives.sum()
        if not found or not missed:
            return None
        last = np.flatnonzero(np.concatenate((score[:0:-1] != score[-2::-1], [True])))
        true, false = positives[::-1].cumsum()[last], negatives[::-1].cumsum()[last]
        seen = (true + false) > 0
        true, false = true[seen], false[seen]
        precision = true / (true + false)
        start = np.zeros(1)
        return cls(
            np.concatenate((start, false / missed)),
            np.concatenate((start, true / found)),
            np.concatenate((precision[:1], precision)),
        )

    @property
    def auc(self) -> float:
        return float(np.trapezoid(self.true_positive_rates, self.false_positive_rates))

    @property
    def au_prc(self) -> float:
        return float(np.trapezoid(self.precisions, self.true_positive_rates))

    def thinned(self, points: int = POINTS) -> Curves:
        """The curves with the last point of every ``scores // points`` scores, as Spark's ``numBins`` thins them.

        Between one and two times ``points`` remain of more; the first and the last always.
        """
        scores = self.precisions.size - 1
        step = scores // points
        if step < 2:  # noqa: PLR2004 (every one)
            return self
        kept = np.concatenate(([0], np.arange(step, scores, step), [scores]))
        # The precision at the start is that of the first point which is left.
        precisions = self.precisions[np.concatenate((kept[1:2], kept[1:]))]
        return Curves(self.false_positive_rates[kept], self.true_positive_rates[kept], precisions)
