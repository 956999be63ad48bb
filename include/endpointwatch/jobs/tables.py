"""The files of a report on a table's columns: written, and read again as a baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.errors import BaselineError
from endpointwatch.monitors.constraints import Constraints
from endpointwatch.monitors.data_quality import Baseline, suggest
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports import files
from endpointwatch.states import Table
from endpointwatch.states.file import STATE_FILE, write


def write_report(folder: Path, state: Table, settings: DataQuality, violations: Any = None) -> None:
    """AWS's report files and the state; without ``violations`` (a baseline) there is no file of violations."""
    strict, suggested = settings.aws_compatible == "Enabled", suggest(state, settings)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(folder / files.STATISTICS, files.json_text(statistics(state, strict=strict)))
    files.write_text(folder / files.CONSTRAINTS, files.json_text(suggested.document()))
    if violations is not None:
        files.write_text(folder / files.VIOLATIONS, files.json_text(files.violations_document(violations)))
    write(state, folder / STATE_FILE)


def read_baseline(constraints: Path, statistics_file: Path | None) -> Baseline:
    """A baseline from its two files, ours or AWS's.

    Raises:
        BaselineError: One of them cannot be read.
    """
    try:
        asked = Constraints.model_validate_json(constraints.read_bytes())
        known = json.loads(statistics_file.read_bytes()) if statistics_file else None
    except (OSError, ValueError) as error:
        raise BaselineError(f"The baseline in {constraints.parent} cannot be read: {error}. Baseline again.") from error
    return Baseline(asked, known)
