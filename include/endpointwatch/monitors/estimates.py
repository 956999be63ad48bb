"""Performance before labels come, from calibrated probabilities (see :mod:`endpointwatch.metrics.cbpe`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from endpointwatch.config.model_quality import BINARY, ModelQuality
from endpointwatch.metrics import calibration, cbpe
from endpointwatch.metrics.calibration import Calibration
from endpointwatch.metrics.cbpe import Estimated, Scored
from endpointwatch.monitors.findings import Estimate
from endpointwatch.monitors.performance import Performance, State, positive_of
from endpointwatch.states.confusion import Confusion
from endpointwatch.states.expected import Expected

#: Scores of one class of many are kept on so fine a grid that there are no more different ones.
_SCORES = 1 << 12
_YES, _NO = "1", "0"


@dataclass(frozen=True)
class Calibrations:
    """How scores become probabilities, by class: the positive one alone, or every one of many.

    Attributes:
        by_class: Empty where no baseline was learnt: then scores count as probabilities.
        rows: Baseline rows they were learnt from.
    """

    by_class: Mapping[str, Calibration] = field(default_factory=dict)
    rows: int = 0

    @property
    def method(self) -> str:
        """What is done to scores, in words for people."""
        if not self.by_class:
            return "not calibrated: there is no baseline"
        if any(one.method == "isotonic" for one in self.by_class.values()):
            return "isotonic"
        return "none: on the baseline the scores are as honest as calibrated ones, or too few to tell"

    def document(self) -> dict[str, Any]:
        """``calibration.json``."""
        return {
            "version": "1",
            "rows": self.rows,
            "classes": {name: asdict(one) for name, one in self.by_class.items()},
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The file's content.

        Raises:
            ValueError: It is of another form.
        """
        try:
            known = {name: Calibration(**one) for name, one in document["classes"].items()}
            return cls(known, int(document["rows"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no calibration: {error!r}") from error

    def apply(self, probabilities: NDArray[np.float64], classes: tuple[str, ...]) -> NDArray[np.float64]:
        """Probabilities of many classes, shape ``(rows, classes)``, calibrated one by one and made to sum to 1."""
        none = Calibration()
        columns = [self.by_class.get(name, none)(probabilities[:, place]) for place, name in enumerate(classes)]
        told = np.stack(columns, axis=1)
        sums = told.sum(axis=1, keepdims=True)
        raw = probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return np.where(sums > 0, told / np.where(sums > 0, sums, 1.0), raw)


def learn(state: State, settings: ModelQuality, scores: Mapping[str, Confusion] | None = None) -> Calibrations:
    """The calibrations of a baseline's rows.

    Args:
        state: Of a binary classifier; of others only its number of rows is used.
        settings: The monitor's.
        scores: Of each class of many: its own probability, and whether the row is of the class.
    """
    positive = positive_of(settings)
    of_class = {positive: state} if settings.problem_type == BINARY else dict(scores or {})
    known: dict[str, Calibration] = {}
    for name, one in of_class.items():
        if isinstance(one, Confusion):
            yes = one.actual == one.classes.index(positive if settings.problem_type == BINARY else _YES)
            positives, negatives = np.where(yes, one.count, 0), np.where(yes, 0, one.count)
            known[name] = calibration.learn(one.middle, positives, negatives, seed=settings.seed)
    return Calibrations(known, state.rows)


def class_scores(rows: pl.DataFrame, classes: tuple[str, ...]) -> dict[str, Confusion]:
    """Labelled rows with ``probabilities`` as each class's own scores; they add up class by class."""
    probabilities, actual = _table(rows), rows.get_column("actual").to_numpy()
    found = {}
    for place, name in enumerate(classes):
        yes = (actual == name).astype(np.int32)
        found[name] = Confusion.of((_NO, _YES), yes, yes, probabilities[:, place], limit=_SCORES).with_classes(
            (_NO, _YES)
        )
    return found


def expected(rows: pl.DataFrame, classes: tuple[str, ...], calibrations: Calibrations) -> Expected:
    """What rows with ``predicted`` and ``probabilities`` promise."""
    place = {name: number for number, name in enumerate(classes)}
    predicted = rows.get_column("predicted").replace_strict(place, return_dtype=pl.Int64).to_numpy()
    return Expected.of(calibrations.apply(_table(rows), classes), predicted)


def estimate(told: State | Expected, settings: ModelQuality, calibrations: Calibrations) -> dict[str, Estimated]:
    """The estimates of a classifier's metrics; empty where there is no row with a probability."""
    if isinstance(told, Expected):
        return cbpe.multiclass(told.expected, told.variance, seed=settings.seed) if told.rows else {}
    if not isinstance(told, Confusion) or not told.scored:
        return {}
    positive = positive_of(settings)
    calibrated = calibrations.by_class.get(positive, Calibration())(told.middle)
    alarm = told.predicted == (told.classes.index(positive) if positive in told.classes else -1)
    return cbpe.binary(Scored(told.score, calibrated, alarm, told.count), seed=settings.seed)


def reported(
    every: Mapping[str, Estimated],
    labelled: Mapping[str, Estimated],
    measured: Performance | None,
    thresholds: Mapping[str, float],
) -> tuple[Estimate, ...]:
    """The estimates as the verdict shows them, beside what was measured.

    Args:
        every: Of all captured rows.
        labelled: Of those that have a label by now.
        measured: On those.
        thresholds: The baseline's limits.
    """
    found = []
    for name, one in every.items():
        realised = measured.scalars[name].value if measured is not None and name in measured.scalars else None
        error = labelled[name].value - realised if realised is not None and name in labelled else None
        lower, upper = one.band
        found.append(
            Estimate(
                name=name,
                value=one.value,
                lower=lower,
                upper=upper,
                standard_error=one.error,
                threshold=thresholds.get(name),
                realised=realised,
                error=error,
            )
        )
    return tuple(found)


def _table(rows: pl.DataFrame) -> NDArray[np.float64]:
    """The rows' probabilities, shape ``(rows, classes)``."""
    lists = rows.get_column("probabilities")
    return lists.explode().to_numpy().reshape(len(lists), -1)
