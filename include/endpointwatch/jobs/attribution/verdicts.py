"""The attribution monitor's verdicts: a window that could not be explained whole is never reported as judged."""

from __future__ import annotations

from typing import Any

from endpointwatch.capture.tally import LISTED, Tally
from endpointwatch.config.attribution import Attribution
from endpointwatch.errors import BudgetError, ModelError
from endpointwatch.jobs.attribution.sample import Sample
from endpointwatch.metrics.attribution.explanation import Explanation
from endpointwatch.monitors.findings import AttributionChange, AttributionFindings, Findings, Violation
from endpointwatch.reports.judgement import Subject
from endpointwatch.reports.judgement import judge as verdict_of
from endpointwatch.reports.verdict import REMEDIES, Status, Verdict

MODEL_REMEDY = (
    "Mend what the evidence says about the model, then clear this task; with `model: {source: endpoint}` the live "
    "endpoint is asked instead of an artefact."
)
ENDPOINT_REMEDY = (
    "Mend what the evidence says about the endpoint or the job's role, then clear this task; with `model: {source: "
    "artifact}` the model's artefact is explained, and no endpoint is asked."
)
BUDGET_REMEDY = (
    "Raise `model.max_requests`, or lower `sample_rows` or `num_samples`; where the endpoint throttles give it more "
    "capacity. Then clear this task."
)


def before_explaining(
    subject: Subject, tally: Tally, chosen: Sample, settings: Attribution, *, baseline: bool
) -> Verdict:
    """The verdict as far as it follows from the rows alone; ``OK`` means that they can be explained."""
    tally.listed.sort(key=lambda fault: (fault.file, fault.line))
    del tally.listed[LISTED:]
    verdict = verdict_of(subject, tally, Findings() if baseline else None, minimum_rows=settings.minimum_rows)
    reason = _other_columns(chosen, tally)
    if not reason or not baseline or verdict.status not in ("OK", "TOO_FEW_ROWS"):
        return verdict
    found = Violation(feature_name="Missing columns", constraint_check_type="missing_column_check", description=reason)
    return _instead(verdict, "SCHEMA_CHANGED", reason, REMEDIES["SCHEMA_CHANGED"], violations=(found,))


def not_explained(verdict: Verdict, error: ModelError, chosen: Sample, settings: Attribution) -> Verdict:
    """The verdict on a window whose model could not be asked at all."""
    if isinstance(error, BudgetError):
        return in_part(verdict, None, chosen, settings, str(error))
    remedy = ENDPOINT_REMEDY if settings.model.source == "endpoint" else MODEL_REMEDY
    return _instead(verdict, "JOB_FAILED", str(error), remedy)


def in_part(
    verdict: Verdict, explanation: Explanation | None, chosen: Sample, settings: Attribution, reason: str
) -> Verdict:
    """The verdict on a window of which not all sampled rows were explained: it is not judged, and says how many."""
    told = findings_of(explanation, chosen, settings)
    share = f"{told.rows_explained} of {told.rows_sampled} sampled rows ({told.coverage:.0%}) were explained"
    return _instead(verdict, "TOO_FEW_ROWS", f"{share}: {reason}.", BUDGET_REMEDY, attribution=told)


def judged(verdict: Verdict, tally: Tally, findings: Findings, told: AttributionFindings) -> Verdict:
    """The verdict on a window that was explained whole."""
    status: Status = "VIOLATIONS" if findings.violations else "OK"
    return verdict.model_copy(
        update={
            "status": status,
            "violations": findings.violations,
            "metrics": findings.metrics,
            "attribution": told,
            "evidence": _evidence(findings, told, tally),
            "remedy": REMEDIES[status],
        }
    )


def findings_of(
    explanation: Explanation | None,
    chosen: Sample,
    settings: Attribution,
    changes: tuple[AttributionChange, ...] = (),
    steps: tuple[str, ...] = (),
) -> AttributionFindings:
    """How much was explained and how, what changed, what to do."""
    return AttributionFindings(
        rows_sampled=chosen.height,
        rows_explained=len(explanation.values) if explanation else 0,
        seed=settings.seed,
        method=explanation.method if explanation else "none",
        exact=explanation.exact if explanation else False,
        changes=changes,
        next_steps=steps,
    )


def _other_columns(chosen: Sample, tally: Tally) -> str:
    """What is wrong with the rows' columns; empty when they are those of the model."""
    if chosen.absent:
        names = sorted(chosen.absent)
        return f"No row of the window has the model's feature{'s' if len(names) > 1 else ''} {', '.join(names)}."
    wrong = tally.kinds["width"]
    if wrong <= tally.analysed:
        return ""
    example = next((fault.reason for fault in tally.listed if "the model takes" in fault.reason), "")
    return f"{wrong} of {tally.rows().read} rows have other columns than the model: {example}."


def _instead(verdict: Verdict, status: Status, evidence: str, remedy: str, **more: Any) -> Verdict:
    return verdict.model_copy(update={"status": status, "evidence": evidence, "remedy": remedy, **more})


def _evidence(findings: Findings, told: AttributionFindings, tally: Tally) -> str:
    scores = ", ".join(
        f"{metric.label}: {metric.note}"
        if metric.value is None
        else f"{metric.label}: NDCG {metric.value:.4f} (at least {metric.threshold:g})"
        for metric in findings.metrics
    )
    how = "exactly" if told.exact else "by sampled coalitions"
    text = f"{scores}, over {told.rows_explained} of {tally.analysed} rows, explained {how} ({told.method})."
    drifted = {metric.label for metric in findings.metrics if metric.exceeded}
    moved = [change for change in told.changes if change.label in drifted][:3]
    return text + (f" Changed most: {'; '.join(map(str, moved))}." if moved else "")
