"""The model-quality monitor's part of a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from endpointwatch.capture.files import files as files_in
from endpointwatch.capture.objects import json_rows, parquet_rows
from endpointwatch.capture.tables import TableRows, table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.config.model_quality import ModelQuality
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.monitors.duty import Duty, Judged, Learnt, Lesson
from endpointwatch.jobs.predictions import Columns, captured, collected, data_set
from endpointwatch.jobs.quality_files import QualityBaseline, read_baseline, write_report
from endpointwatch.monitors import model_quality
from endpointwatch.monitors.findings import Findings
from endpointwatch.monitors.model_quality import checked
from endpointwatch.monitors.performance import Performance, State, performance
from endpointwatch.monitors.predictions import Reader
from endpointwatch.monitors.quality_constraints import QualityConstraints
from endpointwatch.reports import files
from endpointwatch.reports.judgement import judge as verdict_of
from endpointwatch.reports.labels import settled
from endpointwatch.reports.quality_metrics import metrics
from endpointwatch.reports.verdict import REMEDIES, Verdict
from endpointwatch.states.file import STATE_FILE
from endpointwatch.states.quality_file import write as write_state

NAME = model_quality.NAME
NEEDS_LABELS = True
_SUFFIXES = frozenset({".json", ".jsonl", ".parquet", ".csv"})


def judge(duty: Duty) -> Judged:
    """Performance, constraints and violations of the window's labelled rows, their state, and the verdict."""
    settings = _settings(duty)
    baseline = _baseline(duty.baseline, settings)
    tally = Tally()
    state = _labelled(duty, Reader(settings, baseline.classes), tally)
    measured = performance(state, settings) if state is not None and state.rows else None
    findings = _findings(measured, baseline.constraints, settings)
    verdict = _verdict(duty, tally, findings, settings)
    if measured is not None and state is not None:
        window = duty.plan.window
        times = {"start_time": f"{window.start:%Y-%m-%dT%H:%M:%SZ}", "end_time": f"{window.end:%Y-%m-%dT%H:%M:%SZ}"}
        write_report(duty.folder, measured, verdict.violations, times)
        write_state(state, duty.folder / STATE_FILE)
    files.write_text(duty.folder / files.VERDICT, verdict.to_json())
    if measured is None or settings.emit_metrics == "Disabled":
        return Judged(verdict)
    return Judged(verdict, tuple(metrics(measured, at=duty.plan.window.start, dimensions=duty.dimensions)))


def learn(lesson: Lesson) -> Learnt:
    """Performance and limits of the data set, and its state.

    Raises:
        BaselineError: The data set lacks a column, or no row of it can be judged.
    """
    settings = _settings(lesson)
    tally = Tally()
    columns = Columns.of(settings)
    state = collected(data_set(_tables(lesson.dataset, tally), tally, columns), Reader(settings), tally)
    if state is None or not state.rows:
        first = "".join(f" First: {one.file}:{one.line}: {one.reason}." for one in tally.listed[:1])
        raise BaselineError(
            f"No row of the data set in {lesson.dataset} can be judged: {tally.rows().set_aside} were set aside.{first}"
        )
    write_report(lesson.folder, performance(state, settings))
    write_state(state, lesson.folder / STATE_FILE)
    named = (columns.actual, *((columns.predicted,) if columns.predicted else ()), *columns.probabilities)
    return Learnt(tally.rows(), named, (files.STATISTICS, files.CONSTRAINTS))


def _settings(part: Duty | Lesson) -> ModelQuality:
    if not isinstance(part.settings, ModelQuality):
        raise TypeError(f"the model-quality monitor was handed the settings of {part.settings.kind}")
    return part.settings


def _baseline(folder: Path, settings: ModelQuality) -> QualityBaseline:
    constraints, statistics = folder / files.CONSTRAINTS, folder / files.STATISTICS
    return read_baseline(
        constraints if constraints.is_file() else None, statistics if statistics.is_file() else None, settings
    )


def _labelled(duty: Duty, reader: Reader, tally: Tally) -> State | None:
    """The state of the window's merged records; None without any that can be judged."""
    if duty.merged is None or not duty.merged.is_dir():
        return None
    return collected(captured(duty.merged, tally, reader.settings, labelled=True), reader, tally)


def _findings(
    measured: Performance | None, constraints: QualityConstraints | None, settings: ModelQuality
) -> Findings | None:
    """What the check finds; None where there is nothing to hold the performance against."""
    if constraints is None and not settings.thresholds:
        return None
    return checked(measured, constraints, settings) if measured is not None else Findings()


def _verdict(duty: Duty, tally: Tally, findings: Findings | None, settings: ModelQuality) -> Verdict:
    verdict = verdict_of(duty.subject(), tally, findings, minimum_rows=settings.minimum_rows)
    if tally.kinds:
        kinds = ", ".join(f"{count} for the {kind}" for kind, count in sorted(tally.kinds.items()))
        verdict = verdict.model_copy(update={"evidence": f"{verdict.evidence} Set aside: {kinds}."})
    if duty.labels is not None:
        return settled(verdict, duty.labels)
    return verdict.model_copy(
        update={
            "status": "LABELS_MISSING",
            "evidence": "The endpoint's file has no `ground_truth` section, so no label is looked for.",
            "remedy": REMEDIES["LABELS_MISSING"],
        }
    )


def _tables(folder: Path, tally: Tally) -> Iterator[TableRows]:
    """The data set's rows, in the format that its files' names say; CSV has a header."""
    suffixes = {path.name.removesuffix(".gz").rpartition(".")[2] for path in files_in(folder, _SUFFIXES)}
    if "parquet" in suffixes:
        return parquet_rows(folder, tally)
    if suffixes & {"json", "jsonl"}:
        return json_rows(folder, tally, lines="jsonl" in suffixes)
    return table_rows(folder, tally, header=True)
