"""The estimated performance of a window: calibrations from the baseline, probabilities from every captured answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from endpointwatch.capture.accounting import Rows
from endpointwatch.capture.tally import Tally
from endpointwatch.config.model_quality import BINARY, REGRESSION, ModelQuality
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.monitors.duty import Duty
from endpointwatch.jobs.predictions import captured, collected
from endpointwatch.metrics.cbpe import DRAWS
from endpointwatch.monitors import estimates
from endpointwatch.monitors.estimates import Calibrations
from endpointwatch.monitors.findings import Estimate
from endpointwatch.monitors.performance import Performance, State
from endpointwatch.monitors.predictions import Reader
from endpointwatch.reports import files
from endpointwatch.states.confusion import Confusion
from endpointwatch.states.expected import Expected

CALIBRATION = "calibration.json"
ESTIMATES = "estimated_performance.json"
Watch = Callable[[pl.DataFrame], None]


def wanted(settings: ModelQuality) -> bool:
    """Whether the settings ask for an estimate, and say where probabilities stand."""
    return settings.estimate == "Enabled" and settings.problem_type != REGRESSION and settings.has_probabilities


def read_calibrations(folder: Path) -> Calibrations:
    """Those of the baseline in ``folder``; none where it has no such file.

    Raises:
        BaselineError: The file cannot be read.
    """
    path = folder / CALIBRATION
    try:
        return Calibrations.read(json.loads(path.read_bytes())) if path.is_file() else Calibrations()
    except ValueError as error:
        raise BaselineError(f"{path} cannot be read: {error}. Baseline again.") from error


@dataclass
class Promises:
    """Is shown rows while they are read, and adds up what a model of many classes promises about them."""

    settings: ModelQuality
    calibrations: Calibrations
    total: Expected = field(init=False)

    def __post_init__(self) -> None:
        self.total = Expected.empty(len(self.settings.classes))

    def __call__(self, rows: pl.DataFrame) -> None:
        if self.settings.problem_type != BINARY and wanted(self.settings):
            self.total += estimates.expected(rows, self.settings.classes, self.calibrations)

    def of(self, state: State | None) -> State | Expected | None:
        """What an estimate is made from: of binary classifiers the state itself."""
        return state if self.settings.problem_type == BINARY else self.total


@dataclass
class ClassScores:
    """Is shown a baseline's rows, and keeps each class's own scores, where there are more than two classes."""

    settings: ModelQuality
    scores: dict[str, Confusion] = field(default_factory=dict)

    def __call__(self, rows: pl.DataFrame) -> None:
        if self.settings.problem_type == BINARY or not wanted(self.settings):
            return
        for name, more in estimates.class_scores(rows, self.settings.classes).items():
            self.scores[name] = self.scores[name] + more if name in self.scores else more


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is known of the rows that have a label.

    Attributes:
        promises: What their probabilities promise.
        measured: What was measured on them; None without any.
        rows: What became of them.
        complete: Whether they are all rows that were captured, so that no others have to be read.
    """

    promises: State | Expected | None
    measured: Performance | None
    rows: Rows
    complete: bool


def estimated(
    duty: Duty, reader: Reader, calibrations: Calibrations, labelled: Labelled, thresholds: dict[str, float]
) -> tuple[Estimate, ...]:
    """The estimates over every captured answer of the window, also written to ``estimated_performance.json``.

    Raises:
        CaptureError: The captures cannot be read at all.
    """
    settings = reader.settings
    told, rows = (_known(labelled), labelled.rows) if labelled.complete else _captured(duty, reader, calibrations)
    every = estimates.estimate(told, settings, calibrations) if told is not None else {}
    same = estimates.estimate(labelled.promises, settings, calibrations) if labelled.promises is not None else {}
    found = estimates.reported(every, same, labelled.measured, thresholds)
    if found:
        about = {
            "version": "1",
            "about": "Estimated from probabilities, not measured; it sees changed inputs, not a changed relation of "
            "inputs and labels.",
            "method": "CBPE",
            "problem_type": settings.problem_type,
            "calibration": calibrations.method,
            "rows": rows.model_dump(),
            "labelled_rows": labelled.measured.rows if labelled.measured else 0,
            "confidence": 0.95,
            "draws": DRAWS,
            "seed": settings.seed,
            "metrics": [one.model_dump() for one in found],
        }
        files.write_text(duty.folder / ESTIMATES, files.json_text(about))
    return found


def _known(labelled: Labelled) -> State | Expected | None:
    told = labelled.promises
    return told.without_labels() if isinstance(told, Confusion) else told


def _captured(duty: Duty, reader: Reader, calibrations: Calibrations) -> tuple[State | Expected | None, Rows]:
    """What every captured answer of the window promises, and what became of them."""
    settings, tally = reader.settings, Tally()
    promises = Promises(settings, calibrations)
    parts = captured(duty.captures, tally, settings, (duty.plan.window,), labelled=False)
    state = collected(parts, Reader(settings, reader.classes, labelled=False), tally, promises)
    return promises.of(state), tally.rows()
