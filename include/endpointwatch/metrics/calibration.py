"""Scores to probabilities: isotonic regression, where it makes them more honest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
_BINS = 10
_FEWEST = 100


@dataclass(frozen=True, slots=True)
class Calibration:
    """A map from scores to probabilities, linear between its points and constant beyond them.

    Attributes:
        method: ``none`` where the scores are left as they are.
        scores: Ascending.
        probabilities: As many; they never fall.
        error_before: Expected calibration error of the scores on rows that the map was not learnt from; None where
            there were too few to tell.
        error_after: The same of the map's probabilities.
    """

    method: Literal["isotonic", "none"] = "none"
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    error_before: float | None = None
    error_after: float | None = None

    def __call__(self, score: Numbers) -> Numbers:
        if self.method == "none":
            return score
        return np.interp(score, self.scores, self.probabilities)


def learn(score: Numbers, positives: Counts, negatives: Counts, *, seed: int) -> Calibration:
    """The isotonic map of a baseline; none where the scores are already as honest without it.

    Which of the two holds is asked by halves: a map of one half of the rows is tried on the other, and the other way
    round. NannyML decides in the same way.

    Args:
        score: Shape ``(cells,)``.
        positives: Rows of the class in each cell, shape ``(cells,)``.
        negatives: Other rows, shape ``(cells,)``.
        seed: Of the halves.

    References:
        Zadrozny & Elkan (2002), "Transforming classifier scores into accurate multiclass probability estimates".
    """
    rows = int(positives.sum() + negatives.sum())
    if rows < _FEWEST or not positives.sum() or not negatives.sum():
        return Calibration()
    generator = np.random.default_rng(seed)
    mine = generator.binomial(positives, 0.5), generator.binomial(negatives, 0.5)
    other = positives - mine[0], negatives - mine[1]
    if not all(half.sum() for half in (*mine, *other)):
        return Calibration()
    trials = [(mine, other), (other, mine)]
    before = float(np.mean([calibration_error(score, *tried) for _, tried in trials]))
    after = float(np.mean([calibration_error(_isotonic(score, *known)(score), *tried) for known, tried in trials]))
    if after >= before:
        return Calibration(error_before=before, error_after=after)
    fitted = _isotonic(score, positives, negatives)
    return Calibration("isotonic", fitted.scores, fitted.probabilities, before, after)


def calibration_error(probability: Numbers, positives: Counts, negatives: Counts) -> float:
    """Expected calibration error: how far shares lie from probabilities, over ten bins of about as many rows.

    References:
        Naeini, Cooper & Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning".
    """
    order = np.argsort(probability, kind="stable")
    rows = (positives + negatives)[order]
    place = np.minimum((rows.cumsum() - rows / 2) * _BINS // rows.sum(), _BINS - 1).astype(np.int64)
    gap = (positives - probability * (positives + negatives))[order]
    return float(np.abs(np.bincount(place, gap, _BINS)).sum() / rows.sum())


def _isotonic(score: Numbers, positives: Counts, negatives: Counts) -> Calibration:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - heavy, and needed by baselines alone

    rows = positives + negatives
    seen = rows > 0
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    fitted.fit(score[seen], positives[seen] / rows[seen], sample_weight=rows[seen])
    return Calibration("isotonic", tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))
