"""The data-quality monitor's part of a job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from endpointwatch.capture.tables import fitted
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.held_against import FixedBaseline
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.collect import Batch, collect
from endpointwatch.jobs.data_sets import BY_POSITION, data_set_rows, preprocessed_rows, unnamed, without
from endpointwatch.jobs.earlier import Earlier, earlier_windows
from endpointwatch.jobs.gather import gathered
from endpointwatch.jobs.monitors import segments
from endpointwatch.jobs.monitors.duty import Duty, Judged, Learnt, Lesson
from endpointwatch.jobs.plan import POSTPROCESSING_PATH, PREPROCESSING_PATH, STATES_PATH
from endpointwatch.jobs.rows import captured, sides_of
from endpointwatch.jobs.scripts import Preprocessor, exported, mounted, postprocess
from endpointwatch.jobs.segments import Rows, Split, most_frequent
from endpointwatch.jobs.tables import read_baseline, write_report
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.columns import require_known
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.findings import Findings
from endpointwatch.reports import files
from endpointwatch.reports.cloudwatch import metrics
from endpointwatch.reports.judgement import judge as verdict_of
from endpointwatch.states import Table

NAME = data_quality.NAME


def judge(duty: Duty) -> Judged:
    """Statistics, constraints and violations of the window's rows, their state, and the verdict.

    Raises:
        ConfigError: The settings name a column that the baseline does not have.
        PlanError: A script is not where it must be, or cannot be run.
    """
    settings = _settings(duty)
    learnt = _learnt(duty.baseline)
    if learnt:
        require_known(
            settings, learnt.names, endpoint=duty.endpoint.name, source=f"the baseline of {duty.plan.model_version}"
        )
    window = _read(duty, settings, learnt)
    state, subject, baseline = window.state, duty.subject(), learnt
    earlier = _earlier(duty, settings, learnt, state)
    if earlier:
        baseline = earlier.baseline(learnt, settings)
        subject = replace(subject, baseline_id=earlier.identity(subject.baseline_id))
    # No baseline, or nothing to hold against it: then nothing is checked, and the verdict says why.
    findings = data_quality.check(state, baseline, settings) if baseline and state.rows else None
    findings = findings if baseline is None or findings else Findings()
    verdict = verdict_of(subject, window.tally, findings, minimum_rows=settings.minimum_rows)
    if earlier:
        verdict = earlier.told(verdict)
    if settings.segments:
        verdict = segments.judged(duty, settings, verdict, window.split, learnt, earlier)
    write_report(duty.folder, state, settings, verdict.violations)
    files.write_text(duty.folder / files.VERDICT, verdict.to_json())
    if settings.post_analytics_processor_script:
        with exported({**duty.container.environment, "output_path": str(duty.folder)}):
            postprocess(mounted(duty.container, POSTPROCESSING_PATH, settings.post_analytics_processor_script))
    if settings.emit_metrics == "Disabled":
        return Judged(verdict)
    published = metrics(state, verdict.distances, at=duty.plan.window.start, dimensions=duty.dimensions)
    return Judged(verdict, tuple(published))


def learn(lesson: Lesson) -> Learnt:
    """Statistics and constraints of the data set, and its state; the same once more for each segment.

    All columns are learnt, watched or not: captured CSV has no names, and its columns are known by their place.

    Raises:
        BaselineError: The data set has no rows, or rows of another width than its header.
        ConfigError: The settings name a column that the data set does not have.
    """
    settings = _settings(lesson)
    tally = Tally()
    split = _baseline_split(lesson, settings)
    state = _dataset_state(lesson, settings, tally, split)
    require_known(settings, state.names, endpoint=lesson.endpoint.name, source=lesson.plan.dataset_uri)
    write_report(lesson.folder, state, settings)
    learnt: tuple[str, ...] = (files.STATISTICS, files.CONSTRAINTS)
    if split is not None:
        learnt += segments.learnt(lesson.folder, settings, split, state)
    return Learnt(tally.rows(), state.names, learnt)


@dataclass(frozen=True, slots=True)
class _Read:
    """The window's rows.

    Attributes:
        state: Of the watched columns.
        tally: What became of the rows.
        split: The same rows by segment; None where there are none.
    """

    state: Table
    tally: Tally
    split: Split | None


def _settings(part: Duty | Lesson) -> DataQuality:
    if not isinstance(part.settings, DataQuality):
        raise TypeError(f"the data-quality monitor was handed the settings of {part.settings.kind}")
    return part.settings


def _learnt(folder: Path) -> Baseline | None:
    constraints = folder / files.CONSTRAINTS
    return read_baseline(constraints, folder / files.STATISTICS) if constraints.is_file() else None


def _read(duty: Duty, settings: DataQuality, learnt: Baseline | None) -> _Read:
    tally, names = Tally(), learnt.names if learnt else ()
    windows = (duty.plan.window,)
    if settings.record_preprocessor_script:
        path = mounted(duty.container, PREPROCESSING_PATH, settings.record_preprocessor_script)
        with exported(duty.container.environment):
            return _collected(Preprocessor(path).captured(duty.captures, tally, windows), tally, names, duty, settings)
    reading = Reading(
        windows=windows,
        sides=sides_of(duty.endpoint, settings),
        json_payloads=settings.json_payloads,
        strict=settings.aws_compatible == "Enabled",
    )
    if settings.segments is None:
        state = gathered(duty.captures, tally, reading, names=names)
        return _Read(data_quality.watched(state, settings), tally, None)
    return _collected(captured(duty.captures, tally, reading), tally, names, duty, settings)


def _collected(
    batches: Iterator[Batch], tally: Tally, names: tuple[str, ...], duty: Duty, settings: DataQuality
) -> _Read:
    split = None
    if settings.segments:
        asked = settings.segments
        known = segments.known_values(duty.baseline, asked.column)[: asked.maximum]
        split = Split(asked.column, asked.maximum, data_quality.compute, names, known)
        batches = split.over(batches)
    strict = settings.aws_compatible == "Enabled"
    state = collect(batches, tally, data_quality.compute, names=names, strict=strict)
    if settings.record_preprocessor_script and not names:
        # A script's columns stand in the lexicographic order of their keys, as on AWS.
        state = state.selected(tuple(sorted(state.names)))
    state = data_quality.watched(state, settings)
    return _Read(state, tally, split.settled(state) if split else None)


def _earlier(duty: Duty, settings: DataQuality, learnt: Baseline | None, state: Table) -> Earlier | None:
    if isinstance(settings.baseline, FixedBaseline):
        return None
    names = tuple(name for name in learnt.names if settings.watches(name)) if learnt else state.names
    return earlier_windows(
        duty.container.path(STATES_PATH) / NAME,
        duty.plan.window,
        settings.baseline,
        columns=names,
        model_version=duty.plan.model_version,
        learnt=learnt is not None,
    )


def _baseline_split(lesson: Lesson, settings: DataQuality) -> Split | None:
    if settings.segments is None:
        return None
    asked = settings.segments
    # Read once more before: which values have most rows is known only at the end.
    known = most_frequent(_named(lesson, settings, Tally()), asked.column, asked.maximum)
    return Split(asked.column, asked.maximum, data_quality.compute, known=known)


def _named(lesson: Lesson, settings: DataQuality, tally: Tally) -> Iterator[Rows]:
    """The data set's rows with the names of their cells."""
    for batch, names in _batches(lesson, settings, tally):
        yield batch.frame, names


def _batches(lesson: Lesson, settings: DataQuality, tally: Tally) -> Iterator[tuple[Batch, tuple[str, ...]]]:
    form = lesson.endpoint.baseline_dataset_format
    if settings.record_preprocessor_script:
        path = mounted(lesson.container, PREPROCESSING_PATH, settings.record_preprocessor_script)
        with exported(lesson.container.environment):
            for batch in preprocessed_rows(Preprocessor(path), lesson.dataset, form, tally):
                yield batch, batch.names or ()
        return
    tables = data_set_rows(lesson.dataset, form, tally)
    as_aws = settings.aws_compatible == "Enabled" and form in BY_POSITION
    for read in fitted(tables) if as_aws else tables:
        # Captures hold no labels; they stand in the data set for the monitors that need them.
        rows = without(read, lesson.endpoint.label_columns, tally)
        names = None if form in BY_POSITION else rows.names
        yield Batch(rows.file, rows.frame, names), rows.names or unnamed(rows.frame)


def _dataset_state(lesson: Lesson, settings: DataQuality, tally: Tally, split: Split | None) -> Table:
    """The state of the data set's columns, without the model's output (the first one) where that is not watched."""
    header: tuple[str, ...] = ()

    def batches() -> Iterator[Batch]:
        nonlocal header
        for batch, names in _batches(lesson, settings, tally):
            header = names or header
            if split is not None:
                split.take(batch.frame, names)
            yield batch

    state = collect(batches(), tally, data_quality.compute)
    if not state.rows:
        raise BaselineError(f"The data set in {lesson.dataset} has no rows to learn a baseline from.")
    if settings.record_preprocessor_script:
        return state.selected(tuple(sorted(state.names)))
    if lesson.endpoint.baseline_dataset_format == "csv":
        if len(header) != len(state.columns):
            raise BaselineError(
                f"The data set's header has {len(header)} names ({', '.join(header[:5])}, …), its rows have "
                f"{len(state.columns)} cells. Write it as CSV with a header, the model's output column first."
            )
        state = state.renamed(header)
    sides = sides_of(lesson.endpoint, settings)
    first = 0 if "output" in sides else 1
    last = len(state.names) if "input" in sides else 1
    return Table(state.names[first:last], state.columns[first:last], state.rows)
