"""The files of a report on a model's quality: written, and read again as a baseline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endpointwatch.config.model_quality import REGRESSION, ModelQuality
from endpointwatch.errors import BaselineError
from endpointwatch.monitors.findings import Violation
from endpointwatch.monitors.model_quality import suggested
from endpointwatch.monitors.performance import FAMILY, Performance
from endpointwatch.monitors.quality_constraints import QualityConstraints
from endpointwatch.reports import files


@dataclass(frozen=True, slots=True)
class QualityBaseline:
    """What a window is held against.

    Attributes:
        constraints: The limits; None where only the classes are known.
        classes: Those that the baseline's statistics name; () without statistics, and of a regression.
    """

    constraints: QualityConstraints | None
    classes: tuple[str, ...] = ()


def write_report(
    folder: Path,
    measured: Performance,
    violations: Iterable[Violation] | None = None,
    times: Mapping[str, str] | None = None,
) -> None:
    """AWS's report files; without ``violations`` (a baseline) there is no file of them."""
    files.write_text(folder / files.STATISTICS, files.json_text(measured.document(times)))
    files.write_text(folder / files.CONSTRAINTS, files.json_text(suggested(measured).document()))
    if violations is not None:
        files.write_text(folder / files.VIOLATIONS, files.json_text(files.violations_document(violations)))


def read_baseline(constraints: Path | None, statistics: Path | None, settings: ModelQuality) -> QualityBaseline:
    """A baseline from its files, ours or AWS's.

    Raises:
        BaselineError: One of them cannot be read, or is about another problem type.
    """
    asked: QualityConstraints | None = None
    classes: tuple[str, ...] = ()
    if constraints is not None:
        try:
            asked = QualityConstraints.read(json.loads(constraints.read_bytes()), settings.problem_type)
        except (OSError, ValueError) as error:
            raise BaselineError(f"{constraints} cannot be read: {error}. Baseline again.") from error
    if statistics is not None and settings.problem_type != REGRESSION:
        try:
            document: dict[str, Any] = json.loads(statistics.read_bytes())
            matrix = document[f"{FAMILY[settings.problem_type]}_metrics"]["confusion_matrix"]
            classes = tuple(str(name) for name in matrix)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BaselineError(f"{statistics} has no confusion matrix: {error}. Baseline again.") from error
    return QualityBaseline(asked, classes)
