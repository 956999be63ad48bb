"""The data-quality monitor's part of a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from endpointwatch.capture.tables import table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.collect import Batch, collect
from endpointwatch.jobs.gather import gathered
from endpointwatch.jobs.monitors.duty import Duty, Judged, Learnt, Lesson
from endpointwatch.jobs.rows import sides_of
from endpointwatch.jobs.tables import read_baseline, write_report
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.findings import Findings
from endpointwatch.reports import files
from endpointwatch.reports.cloudwatch import metrics
from endpointwatch.reports.judgement import judge as verdict_of
from endpointwatch.states import Table

NAME = data_quality.NAME


def judge(duty: Duty) -> Judged:
    """Statistics, constraints and violations of the window's rows, their state, and the verdict."""
    settings = _settings(duty)
    baseline = _baseline(duty.baseline)
    tally = Tally()
    reading = Reading(
        windows=(duty.plan.window,),
        sides=sides_of(duty.endpoint, settings),
        json_payloads=settings.json_payloads,
        strict=settings.aws_compatible == "Enabled",
    )
    names = baseline.names if baseline else ()
    state = gathered(duty.captures, tally, reading, names=names)
    # No baseline, or nothing to hold against it: then nothing is checked, and the verdict says why.
    findings = data_quality.check(state, baseline, settings) if baseline and state.rows else None
    findings = findings if baseline is None or findings else Findings()
    verdict = verdict_of(duty.subject(), tally, findings, minimum_rows=settings.minimum_rows)
    write_report(duty.folder, state, data_quality.suggest(state, settings), verdict.violations)
    files.write_text(duty.folder / files.VERDICT, verdict.to_json())
    if settings.emit_metrics == "Disabled":
        return Judged(verdict)
    published = metrics(state, verdict.distances, at=duty.plan.window.start, dimensions=duty.dimensions)
    return Judged(verdict, tuple(published))


def learn(lesson: Lesson) -> Learnt:
    """Statistics and constraints of the data set, and its state.

    Raises:
        BaselineError: The data set has no rows, or rows of another width than its header.
    """
    settings = _settings(lesson)
    tally = Tally()
    state = _watched(_state(lesson.dataset, tally), lesson.endpoint, settings)
    write_report(lesson.folder, state, data_quality.suggest(state, settings))
    return Learnt(tally.rows(), state.names, (files.STATISTICS, files.CONSTRAINTS))


def _settings(part: Duty | Lesson) -> DataQuality:
    if not isinstance(part.settings, DataQuality):
        raise TypeError(f"the data-quality monitor was handed the settings of {part.settings.kind}")
    return part.settings


def _baseline(folder: Path) -> Baseline | None:
    constraints = folder / files.CONSTRAINTS
    return read_baseline(constraints, folder / files.STATISTICS) if constraints.is_file() else None


def _state(folder: Path, tally: Tally) -> Table:
    names: tuple[str, ...] = ()

    def cells() -> Iterator[Batch]:
        nonlocal names
        for rows in table_rows(folder, tally, header=True):
            names = rows.names or names
            yield Batch(rows.file, rows.frame)

    state = collect(cells(), tally, data_quality.compute)
    if not state.rows:
        raise BaselineError(f"The data set in {folder} has no rows to learn a baseline from.")
    if len(names) != len(state.columns):
        raise BaselineError(
            f"The data set's header has {len(names)} names ({', '.join(names[:5])}, …), its rows have "
            f"{len(state.columns)} cells. Write it as CSV with a header, the model's output column first."
        )
    return state.renamed(names)


def _watched(state: Table, endpoint: Endpoint, settings: DataQuality) -> Table:
    """The data set's columns without the model's output (the first one) where that is not watched."""
    sides = sides_of(endpoint, settings)
    first = 0 if "output" in sides else 1
    last = len(state.names) if "input" in sides else 1
    return Table(state.names[first:last], state.columns[first:last], state.rows)
