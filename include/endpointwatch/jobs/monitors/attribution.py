"""The feature-attribution monitor's part of a job."""

from __future__ import annotations

from typing import Any

from endpointwatch import __version__
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.config.layout import Layout
from endpointwatch.errors import BudgetError, ModelError
from endpointwatch.jobs.attribution import learnt, sample, verdicts
from endpointwatch.jobs.attribution.asking import asked_of, declared, opened, settings_of
from endpointwatch.jobs.attribution.reference import baseline_rows
from endpointwatch.jobs.attribution.sample import Sample
from endpointwatch.jobs.monitors.duty import Duty, Judged, Learnt, Lesson
from endpointwatch.jobs.plan import OUTPUT_PATH
from endpointwatch.metrics.attribution.explanation import Explanation
from endpointwatch.monitors import attribution, data_quality
from endpointwatch.monitors.attribution import Attributions
from endpointwatch.monitors.attribution_advice import Quality, next_steps
from endpointwatch.monitors.findings import AttributionChange, Findings
from endpointwatch.reports import attribution as reports
from endpointwatch.reports import attribution_page, files
from endpointwatch.reports.attribution_page import Explained
from endpointwatch.reports.verdict import Verdict

NAME = attribution.NAME


def judge(duty: Duty) -> Judged:
    """Explain a sample of the window's rows and hold the global values against the baseline's."""
    settings = settings_of(duty)
    known = learnt.Known.read(duty.baseline)
    tally = Tally()
    features = known.attributions.features if known else declared(duty)
    chosen = Sample(features, settings.sample_rows, settings.seed)
    reading = Reading((duty.plan.window,), ("input",), settings.json_payloads)
    sample.of_window(duty.captures, reading, chosen, tally)
    verdict = verdicts.before_explaining(duty.subject(), tally, chosen, settings, baseline=known is not None)
    if known is None or verdict.status != "OK":
        return _left(duty, verdict)
    try:
        with opened(duty, features) as model:
            explanation = asked_of(model, chosen.texts(), known.rows, settings)
    except ModelError as error:
        return _left(duty, verdicts.not_explained(verdict, error, chosen, settings))
    if explanation.cut_short:
        return _left(duty, verdicts.in_part(verdict, explanation, chosen, settings, explanation.cut_short))
    current = attribution.suggest(explanation, features, known.attributions.labels, settings.agg_method)
    findings = attribution.check(current, known.attributions, settings.threshold)
    changes = attribution.changed(current, known.attributions)
    told = verdicts.findings_of(explanation, chosen, settings, changes, _steps(duty, changes, findings))
    files.write_text(duty.folder / files.ANALYSIS, files.clarify_text(current.document()))
    reports.write_local(duty.folder, explanation, current, chosen.frame())
    reports.write_baseline_rows(duty.folder, features, known.rows)
    verdict = verdicts.judged(verdict, tally, findings, told)
    explained = Explained(explanation, current, chosen.ids())
    if settings.emit_metrics == "Disabled":
        return _left(duty, verdict, explained)
    scores = {metric.label or "": metric.value for metric in findings.metrics}
    published = reports.metrics(current, scores, at=duty.plan.window.start, dimensions=duty.dimensions)
    return _left(duty, verdict, explained, *published)


def learn(lesson: Lesson) -> Learnt:
    """Explain a sample of the data set's rows: the global values that windows are held against.

    Raises:
        BaselineError: The data set has no rows, or lacks a feature.
        ModelError: The model cannot be loaded, asked or explained; or not all rows within the budget.
    """
    settings = settings_of(lesson)
    tally = Tally()
    header, rows = learnt.data_set(lesson.dataset, lesson.endpoint.baseline_dataset_format, tally)
    features = declared(lesson) or tuple(name for name in header[1:] if name not in lesson.endpoint.label_columns)
    learnt.require(features, header)
    rows = sample.columns(rows, header, features)
    chosen = Sample(features, settings.sample_rows, settings.seed)
    chosen.take(rows)
    against = baseline_rows(rows, features, settings)
    with opened(lesson, features) as model:
        explanation = asked_of(model, chosen.texts(), against, settings)
        digest = getattr(model, "digest", None)
    if explanation.cut_short:
        raise BudgetError(
            f"{len(explanation.values)} of {chosen.height} rows of the baseline's data were explained, then "
            f"{explanation.cut_short}. {verdicts.BUDGET_REMEDY}"
        )
    told = attribution.suggest(explanation, features, settings.label_headers, settings.agg_method)
    folder = lesson.folder
    files.write_text(folder / files.ANALYSIS, files.clarify_text(told.document()))
    files.write_text(folder / files.STATISTICS, files.json_text(reports.statistics(explanation, told)))
    files.write_text(folder / files.CONSTRAINTS, files.json_text(reports.constraints(told, settings.threshold)))
    files.write_text(folder / reports.METADATA, files.json_text(_metadata(lesson, explanation, told, digest)))
    reports.write_local(folder, explanation, told, chosen.frame())
    reports.write_baseline_rows(folder, features, against)
    reports.write_data(folder, explanation, told, chosen.texts())
    title = f"Attribution of {lesson.endpoint.name}: baseline"
    files.write_text(folder / files.REPORT, attribution_page.page(title, Explained(explanation, told, chosen.ids())))
    return Learnt(tally.rows(), features, (files.ANALYSIS, reports.BASELINE_ROWS))


def _metadata(lesson: Lesson, explanation: Explanation, told: Attributions, digest: str | None) -> dict[str, Any]:
    """``model_metadata.json``: which model was explained, and how."""
    settings = settings_of(lesson)
    return {
        "version": "1",
        "model_version": lesson.plan.model_version,
        "source": settings.model.source,
        "model_data_uri": lesson.plan.model_data_uri,
        "model_sha256": digest,
        "features": list(told.features),
        "labels": list(told.labels),
        "method": explanation.method,
        "exact": explanation.exact,
        "use_logit": settings.use_logit,
        "agg_method": settings.agg_method,
        "seed": settings.seed,
        "rows_explained": len(explanation.values),
        "largest_additivity_gap": explanation.gap,
        "analyzer_version": __version__,
    }


def _steps(duty: Duty, changes: tuple[AttributionChange, ...], findings: Findings) -> tuple[str, ...]:
    """What to do about drift, in view of data quality's verdict, which a job that runs both writes first."""
    drifted = {metric.label for metric in findings.metrics if metric.exceeded}
    path = duty.container.path(OUTPUT_PATH) / Layout.window_folder(data_quality.NAME, duty.plan.window) / files.VERDICT
    quality: Quality | None = None
    if path.is_file():
        verdict = Verdict.model_validate_json(path.read_bytes())
        quality = Quality(verdict.status, verdict.violations)
    of_drifted = [change for change in changes if change.label in drifted]
    return next_steps(of_drifted, quality, drifted=bool(drifted))


def _left(duty: Duty, verdict: Verdict, explained: Explained | None = None, *metrics: dict[str, Any]) -> Judged:
    document = files.clarify_violations(verdict.violations)
    files.write_text(duty.folder / files.VIOLATIONS, files.clarify_text(document))
    title = f"Attribution of {duty.endpoint.name}: {duty.plan.window}"
    files.write_text(duty.folder / files.REPORT, attribution_page.page(title, explained, verdict))
    files.write_text(duty.folder / files.VERDICT, verdict.to_json())
    return Judged(verdict, metrics)
