"""The model-quality monitor's part of a job."""

from __future__ import annotations

from pathlib import Path

from endpointwatch.capture.tally import Tally
from endpointwatch.config.model_quality import BINARY, ModelQuality
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.answered import Answered
from endpointwatch.jobs.data_sets import data_set_rows
from endpointwatch.jobs.estimates import (
    CALIBRATION,
    ClassScores,
    Labelled,
    Promises,
    estimated,
    read_calibrations,
    wanted,
)
from endpointwatch.jobs.labelled import labelled_state
from endpointwatch.jobs.monitors.duty import Duty, Judged, Learnt, Lesson
from endpointwatch.jobs.predictions import Columns, captured, collected, data_set
from endpointwatch.jobs.quality_files import QualityBaseline, read_baseline, write_report
from endpointwatch.monitors import estimates, model_quality
from endpointwatch.monitors.findings import Estimate, Findings
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
SET_ASIDE_REMEDY = (
    "See `set_aside`: correct these labels, or the monitor's attributes and `classes`; then judge the window again."
)
_SHOWN = ("accuracy", "auc")
#: What rows are set aside for, by the kind of fault, after their number.
_KINDS = {
    "attribute": "without the attribute in their output",
    "class": "with a class that is not known",
    "encoding": "in an encoding that is not read",
    "label": "with a label that cannot be used",
    "missing": "without an output",
    "payload": "with an output that cannot be read",
    "prediction": "with a prediction that cannot be used",
    "probability": "with a probability that is none",
}


def judge(duty: Duty) -> Judged:
    """Performance, constraints and violations of the window's labelled rows, their state, and the verdict."""
    settings = _settings(duty)
    baseline = _baseline(duty.baseline, settings)
    tally = Tally()
    reader, calibrations = Reader(settings, baseline.classes), read_calibrations(duty.baseline)
    promises = Promises(settings, calibrations)
    state = _labelled(duty, reader, tally, promises)
    measured = performance(state, settings) if state is not None and state.rows else None
    findings = _findings(measured, baseline.constraints, settings)
    verdict = _verdict(duty, tally, findings, settings)
    if wanted(settings):
        complete = duty.labels is not None and not duty.labels.merged.captures.unmatched and not tally.kinds
        known = Labelled(promises.of(state), measured, tally.rows(), complete and measured is not None)
        found = estimated(duty, reader, calibrations, known, _thresholds(baseline, settings))
        verdict = verdict.model_copy(update={"estimates": found, "evidence": verdict.evidence + _in_words(found)})
    if measured is not None and state is not None:
        window = duty.plan.window
        times = {"start_time": f"{window.start:%Y-%m-%dT%H:%M:%SZ}", "end_time": f"{window.end:%Y-%m-%dT%H:%M:%SZ}"}
        write_report(duty.folder, measured, verdict.violations, times)
        write_state(state, duty.folder / STATE_FILE)
    files.write_text(duty.folder / files.VERDICT, verdict.to_json())
    if measured is None or settings.emit_metrics == "Disabled":
        return Judged(verdict)
    return Judged(verdict, tuple(metrics(measured, at=duty.plan.window.start, dimensions=duty.dimensions)))


def watch(duty: Duty) -> Answered | None:
    """Who watches the merge for :func:`judge`; None where it would not help, or the baseline cannot be read."""
    settings = _settings(duty)
    if settings.problem_type != BINARY:
        return None
    try:
        return Answered(Reader(settings, _baseline(duty.baseline, settings).classes))
    except BaselineError:
        return None  # told where the window is judged


def learn(lesson: Lesson) -> Learnt:
    """Performance and limits of the data set, and its state.

    Raises:
        BaselineError: The data set lacks a column, or no row of it can be judged.
    """
    settings = _settings(lesson)
    tally = Tally()
    training, form = lesson.endpoint.training, lesson.endpoint.baseline_dataset_format
    columns = Columns.of(settings, training.label if training else None)
    scores = ClassScores(settings)
    rows = data_set(data_set_rows(lesson.dataset, form, tally), tally, columns)
    state = collected(rows, Reader(settings), tally, scores)
    if state is None or not state.rows:
        first = "".join(f" First: {one.file}:{one.line}: {one.reason}." for one in tally.listed[:1])
        raise BaselineError(
            f"No row of the data set in {lesson.dataset} can be judged: {tally.rows().set_aside} were set aside.{first}"
        )
    write_report(lesson.folder, performance(state, settings))
    write_state(state, lesson.folder / STATE_FILE)
    named = (columns.actual, *((columns.predicted,) if columns.predicted else ()), *columns.probabilities)
    kept: tuple[str, ...] = (files.STATISTICS, files.CONSTRAINTS)
    if wanted(settings):
        document = estimates.learn(state, settings, scores.scores).document()
        files.write_text(lesson.folder / CALIBRATION, files.json_text(document))
        kept = (*kept, CALIBRATION)
    return Learnt(tally.rows(), named, kept)


def _settings(part: Duty | Lesson) -> ModelQuality:
    if not isinstance(part.settings, ModelQuality):
        raise TypeError(f"the model-quality monitor was handed the settings of {part.settings.kind}")
    return part.settings


def _baseline(folder: Path, settings: ModelQuality) -> QualityBaseline:
    constraints, statistics = folder / files.CONSTRAINTS, folder / files.STATISTICS
    return read_baseline(
        constraints if constraints.is_file() else None, statistics if statistics.is_file() else None, settings
    )


def _labelled(duty: Duty, reader: Reader, tally: Tally, watch: Promises) -> State | None:
    """The state of the window's merged records; None without any that can be judged."""
    if duty.merged is None or not duty.merged.is_dir():
        return None
    if reader.settings.problem_type == BINARY:
        known = duty.answered.state(tally) if duty.answered is not None else None
        return known if known is not None else labelled_state(duty.merged, reader, tally)
    return collected(captured(duty.merged, tally, reader.settings, labelled=True), reader, tally, watch)


def _thresholds(baseline: QualityBaseline, settings: ModelQuality) -> dict[str, float]:
    limits = baseline.constraints.limits if baseline.constraints else {}
    return {name: limit.threshold for name, limit in limits.items()} | settings.thresholds


def _in_words(found: tuple[Estimate, ...]) -> str:
    shown = [f"{one.name} {one.value:.3f}" for one in found if one.name in _SHOWN]
    return f" Estimated, not measured: {', '.join(shown)}." if shown else ""


def _findings(
    measured: Performance | None, constraints: QualityConstraints | None, settings: ModelQuality
) -> Findings | None:
    """What the check finds; None where there is nothing to hold the performance against."""
    if constraints is None and not settings.thresholds:
        return None
    return checked(measured, constraints, settings) if measured is not None else Findings()


def _set_aside(tally: Tally) -> str:
    """How many rows were set aside and what for, with the first of them."""
    kinds = ", ".join(f"{count} {_KINDS.get(kind, f'({kind})')}" for kind, count in sorted(tally.kinds.items()))
    first = tally.listed[0]
    return f"Not judged: {kinds}; the first: {first.file}:{first.line}: {first.reason}."


def _verdict(duty: Duty, tally: Tally, findings: Findings | None, settings: ModelQuality) -> Verdict:
    tally.listed.sort(key=lambda fault: (fault.file, fault.line))
    verdict = verdict_of(duty.subject(), tally, findings, minimum_rows=settings.minimum_rows)
    if tally.kinds:
        verdict = verdict.model_copy(update={"evidence": f"{verdict.evidence} {_set_aside(tally)}"})
    if duty.labels is not None:
        verdict = settled(verdict, duty.labels)
        # More rows of that kind would not help.
        remedy = SET_ASIDE_REMEDY if verdict.status == "TOO_FEW_ROWS" and tally.kinds else verdict.remedy
        return verdict.model_copy(update={"remedy": remedy})
    return verdict.model_copy(
        update={
            "status": "LABELS_MISSING",
            "evidence": "The endpoint's file has no `ground_truth` section, so no label is looked for.",
            "remedy": REMEDIES["LABELS_MISSING"],
        }
    )
