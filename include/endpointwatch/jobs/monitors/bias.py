"""The bias monitor's part of a job.

What needs no labels (DPPL, DI, CDDPL, FT) is measured over all captures and waits for nothing; what needs them is
measured over the captures that have one. Under ``aws_compatible`` everything is measured over the latter, as on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from endpointwatch.capture.tally import Tally
from endpointwatch.config.bias import Bias
from endpointwatch.errors import BaselineError, CaptureError
from endpointwatch.jobs.bias_rows import (
    LABEL,
    captured_table,
    data_set_table,
    missing_columns,
    numeric,
    other_width,
    require,
)
from endpointwatch.jobs.monitors.duty import Duty, Judged, Learnt, Lesson
from endpointwatch.metrics.bias.catalogue import FLIP_TEST, METRICS, Stage
from endpointwatch.metrics.bias.ratios import NotComputableError
from endpointwatch.monitors import analysis_document, bias
from endpointwatch.monitors.analysis_document import Measured
from endpointwatch.monitors.choices import Choice, continuous, numbers, span
from endpointwatch.monitors.findings import Findings, Metric
from endpointwatch.reports import bias_page, files
from endpointwatch.reports.bias_metrics import metrics
from endpointwatch.reports.judgement import judge as verdict_of
from endpointwatch.reports.labels import settled
from endpointwatch.reports.verdict import REMEDIES, Verdict
from endpointwatch.states import outcomes
from endpointwatch.states.outcomes import Outcomes

NAME = bias.NAME
NEEDS_LABELS = True
LABELLED_FILE = "state_labelled.arrow"
_PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class _Known:
    """The baseline: its document, and the names of captured columns that have none of their own."""

    document: Mapping[str, Any] | None
    columns: tuple[str, ...]

    @property
    def measured(self) -> tuple[Measured, ...]:
        return tuple(analysis_document.measured(self.document)) if self.document is not None else ()


def judge(duty: Duty) -> Judged:
    """Every metric of the window's answers, what breaks the baseline, the states, a page to read, and the verdict."""
    settings, known = _settings(duty), _known(duty)
    tally = Tally()
    strict = settings.aws_compatible == "Enabled"
    labelled = captured_table(duty.merged, duty, settings, known.columns, Tally() if not strict else tally)
    everything = labelled if strict else captured_table(duty.captures, duty, settings, known.columns, tally)
    roles = _roles(settings, known, everything.columns, known.columns)
    if missing := missing_columns(everything, roles) or other_width(tally):
        return _written(duty, settings, tally, missing, ())
    bare = bias.Roles(roles.facets, None, roles.predicted, roles.group)
    state = _state(everything, roles if strict else bare, settings)
    measured = _measured(state, roles, settings)
    duty.folder.mkdir(parents=True, exist_ok=True)
    outcomes.write(state, duty.folder / outcomes.OUTCOMES_FILE)
    if not strict and labelled.height and _wanted(settings, labels=True):
        with_labels = bias.compute(labelled, roles)
        outcomes.write(with_labels, duty.folder / LABELLED_FILE)
        told = _measured(with_labels, roles, settings)
        measured = _in_order((*measured, *(one for one in told if one.metric.needs_labels)))
    findings = bias.check(measured, known.measured, settings) if known.document is not None and state.rows else None
    findings = findings if known.document is None or findings else Findings()
    return _written(duty, settings, tally, findings, measured)


def learn(lesson: Lesson) -> Learnt:
    """Every metric of the data set, its state and a page to read; the metrics that need labels where it has them.

    Raises:
        BaselineError: The data set has no rows, lacks a column, or a sensitive column is no facet.
    """
    settings = _settings(lesson)
    tally = Tally()
    rows = data_set_table(lesson.dataset, lesson.endpoint.baseline_dataset_format, tally)
    label = settings.label or (lesson.endpoint.training.label if lesson.endpoint.training else None)
    own = tuple(name for name in rows.columns if name != label)
    require(settings, rows.columns, lesson.endpoint.baseline_dataset_format)
    roles = _resolved(settings, rows, own[0], label if label in rows.columns else None)
    state = _state(rows, roles, settings)
    stages: tuple[Stage, ...] = ("post_training", "pre_training")
    measured = bias.measure(state, roles, settings, stages)
    judged_by = roles.label or Choice(settings.predicted_label or own[0], settings.positive_labels)
    printed = judged_by.printed(span(rows[judged_by.column]))
    document = {"version": "1.0", **analysis_document.document(measured, judged_by.column, printed)}
    lesson.folder.mkdir(parents=True, exist_ok=True)
    files.write_text(lesson.folder / files.ANALYSIS, files.clarify_text(document))
    files.write_text(lesson.folder / files.REPORT, bias_page.page(_title(lesson, "baseline"), measured))
    outcomes.write(state, lesson.folder / outcomes.OUTCOMES_FILE)
    return Learnt(tally.rows(), own, (files.ANALYSIS,))


def _settings(part: Duty | Lesson) -> Bias:
    if not isinstance(part.settings, Bias):
        raise TypeError(f"the bias monitor was handed the settings of {part.settings.kind}")
    return part.settings


def _title(part: Duty | Lesson, what: str) -> str:
    return f"Bias of {part.endpoint.name}: {what}"


def _known(duty: Duty) -> _Known:
    """The baseline; without one the columns that the endpoint's file names."""
    training = duty.endpoint.training
    columns = (training.prediction, *training.features) if training else ()
    path = duty.baseline / files.ANALYSIS
    if not path.is_file():
        return _Known(None, columns)
    try:
        document = json.loads(path.read_bytes())
        tuple(analysis_document.measured(document))
        about = duty.baseline / files.BASELINE
        told = json.loads(about.read_bytes()).get("columns") if about.is_file() else None
    except (OSError, ValueError, AttributeError) as error:
        raise BaselineError(f"The baseline in {path.parent} cannot be read: {error}. Baseline again.") from error
    return _Known(document, tuple(told) if told else columns)


def _outcome(column: str | None, settings: Bias) -> Choice | None:
    if column is None:
        return None
    if settings.label_threshold is not None:
        return Choice(column, threshold=settings.label_threshold)
    return Choice(column, settings.positive_labels)


def _answer(column: str, settings: Bias) -> Choice:
    if settings.probability_threshold is not None:
        return Choice(column, threshold=settings.probability_threshold)
    return Choice(column, settings.positive_labels, settings.label_threshold)


def _roles(settings: Bias, known: _Known, columns: list[str], names: tuple[str, ...]) -> bias.Roles:
    """The window's parts: a sensitive column without values or threshold is cut where the baseline cut it."""
    cuts = {one.facet: analysis_document.threshold(one.facet_value) for one in known.measured}
    facets = tuple(
        Choice(
            facet.name,
            facet.values,
            facet.threshold if facet.values or facet.threshold is not None else cuts.get(facet.name),
        )
        for facet in settings.facets
    )
    answers = settings.predicted_label or (names[0] if names else columns[0] if columns else _PREDICTION)
    return bias.Roles(facets, _outcome(LABEL, settings), _answer(answers, settings), settings.group_variable)


def _resolved(settings: Bias, rows: pl.DataFrame, first: str, label: str | None) -> bias.Roles:
    """The baseline's parts: a sensitive column of many numbers is cut at its median."""
    answers = settings.predicted_label or first
    facets = []
    for facet in settings.facets:
        column = rows[facet.name]
        cut = facet.threshold
        if not facet.values and cut is None and continuous(numeric(column)):
            cut = float(numbers(column).median())  # type: ignore[arg-type]
        elif not facet.values and cut is None and column.n_unique() > bias.MAXIMUM_VALUES:
            raise BaselineError(
                f"sensitive_features: {facet.name} has {column.n_unique()} different values. Say under `values` which "
                "are the group."
            )
        facets.append(Choice(facet.name, facet.values, cut))
    return bias.Roles(tuple(facets), _outcome(label, settings), _answer(answers, settings), settings.group_variable)


def _state(rows: pl.DataFrame, roles: bias.Roles, settings: Bias) -> Outcomes:
    if rows.is_empty():
        return Outcomes()
    state = bias.compute(rows, roles)
    if settings.metrics != "all" and FLIP_TEST not in settings.metrics:
        return state
    if rows.height > settings.flip_test_maximum_rows:
        text = f"{rows.height} rows, more than flip_test_maximum_rows = {settings.flip_test_maximum_rows}"
        flips = {(facet.column, value): text for facet in roles.facets for value, _ in bias.groups(state, facet)}
        return Outcomes(state.frame, state.rows, state.spans, flips)
    return bias.flip_tests(rows.with_columns([numeric(rows[name]) for name in rows.columns]), roles, state)


def _measured(state: Outcomes, roles: bias.Roles, settings: Bias) -> tuple[Measured, ...]:
    try:
        return bias.measure(state, roles, settings, ("post_training",)) if state.rows else ()
    except NotComputableError as error:
        raise CaptureError(f"{error}. Clarify fails on such a window; `aws_compatible: Disabled` judges it.") from error


def _in_order(measured: tuple[Measured, ...]) -> tuple[Measured, ...]:
    """By facet and value as they come first, then by metric."""
    places = {place: number for number, place in enumerate(dict.fromkeys((one.facet, one.matched) for one in measured))}
    order = list(METRICS)
    return tuple(sorted(measured, key=lambda one: (places[one.facet, one.matched], order.index(one.metric.name))))


def _wanted(settings: Bias, *, labels: bool) -> bool:
    """Whether a metric of the post-training stage is asked for that needs labels, or one that does not."""
    return any(
        metric.needs_labels == labels and (settings.metrics == "all" or metric.name in settings.metrics)
        for metric in METRICS.values()
        if metric.stage == "post_training"
    )


def _written(
    duty: Duty, settings: Bias, tally: Tally, findings: Findings | None, measured: tuple[Measured, ...]
) -> Judged:
    verdict = _verdict(duty, settings, tally, findings)
    document: dict[str, Any] = {"version": "1.0"}
    if measured:
        document |= analysis_document.document(measured, *_label(duty, settings))
    files.write_text(duty.folder / files.ANALYSIS, files.clarify_text(document))
    text = files.clarify_text(files.clarify_violations(verdict.violations))
    files.write_text(duty.folder / files.VIOLATIONS, text)
    page = bias_page.page(_title(duty, str(duty.plan.window)), measured, findings)
    files.write_text(duty.folder / files.REPORT, page)
    files.write_text(duty.folder / files.VERDICT, verdict.to_json())
    if settings.emit_metrics == "Disabled":
        return Judged(verdict)
    return Judged(
        verdict, tuple(metrics(measured, _label(duty, settings), at=duty.plan.window.start, dimensions=duty.dimensions))
    )


def _label(duty: Duty, settings: Bias) -> tuple[str, str]:
    """Name and good values of the label, as the files have them."""
    training = duty.endpoint.training
    name = settings.label or (training.label if training else LABEL)
    return name, Choice(name, settings.positive_labels, settings.label_threshold).text


def _verdict(duty: Duty, settings: Bias, tally: Tally, findings: Findings | None) -> Verdict:
    # Rows of another width are not analysed at all: why there are too few of them is the news.
    other_columns = findings is not None and findings.schema_changed
    minimum_rows = 0 if other_columns else settings.minimum_rows
    verdict = verdict_of(duty.subject(), tally, findings, minimum_rows=minimum_rows)
    verdict = _without_small_groups(verdict, settings)
    if not _wanted(settings, labels=True) and settings.aws_compatible == "Disabled":
        return verdict
    if duty.labels is None:
        if settings.metrics == "all" and settings.aws_compatible == "Disabled":
            text = "Metrics that need labels were left out: the endpoint's file has no `ground_truth`."
            return verdict.model_copy(update={"evidence": f"{verdict.evidence} {text}"})
        text = "Metrics that need labels are asked for, but the endpoint's file has no `ground_truth`."
        told = {"status": "LABELS_MISSING", "evidence": text, "remedy": REMEDIES["LABELS_MISSING"]}
        return verdict.model_copy(update=told)
    final = settled(verdict, duty.labels)
    unlabelled = {name for name, metric in METRICS.items() if not metric.needs_labels}
    if final.status == "PROVISIONAL" and any(one.metric_name in unlabelled for one in verdict.violations):
        # What is already broken without a single label stays so whatever labels come: it is no reason to wait.
        return final.model_copy(update={"status": "VIOLATIONS", "remedy": REMEDIES["VIOLATIONS"]})
    return final


def _without_small_groups(verdict: Verdict, settings: Bias) -> Verdict:
    """The verdict, which is none when every group that could be judged is too small; the small ones are named."""
    small = [one for one in verdict.metrics if "minimum_group_rows" in one.note and one.threshold is not None]
    judged = [one for one in verdict.metrics if one not in small and one.threshold is not None]
    if not small or verdict.status not in ("OK", "VIOLATIONS"):
        return verdict
    text = f"Groups too small to be judged (minimum_group_rows = {settings.minimum_group_rows}): {_groups(small)}."
    if judged:
        return verdict.model_copy(update={"evidence": f"{verdict.evidence} {text}"})
    return verdict.model_copy(
        update={
            "status": "TOO_FEW_ROWS",
            "evidence": text,
            "remedy": "Wait for a longer window, or lower `minimum_group_rows` of the monitor.",
        }
    )


def _groups(found: list[Metric]) -> str:
    return ", ".join(dict.fromkeys(f"{one.facet} = {one.facet_value}" for one in found))
