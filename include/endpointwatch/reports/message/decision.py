"""The message of a decision: from the verdicts it saw to what people need to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.notifications import SEVERITIES, Audience, Severity
from endpointwatch.config.window import Window
from endpointwatch.decisions import Decision
from endpointwatch.monitors.findings import Violation
from endpointwatch.reports.message.causes import Cause, likely_cause
from endpointwatch.reports.message.figures import SHOWN, Columns, figures
from endpointwatch.reports.message.message import Link, Message
from endpointwatch.reports.message.runbook import runbook
from endpointwatch.reports.verdict import Status, Verdict

#: What a decision's action does. A window that only a person can answer says so in the cause's next steps.
DONE: Final[dict[str, str]] = {
    "nothing": "Nothing was started.",
    "notify": "You were told; nothing else was started.",
    "retrain": "A retraining was started ({name}__retrain). The model that serves stays until a better one is there.",
    "rollback": "The return to the previous version was started ({name}__rollback).",
    "scale": "Other instance counts were asked for.",
    "pause": "Monitoring of the endpoint was paused.",
}
#: How much an action alone is worth being told.
_OF_ACTION: Final[dict[str, Severity]] = {"retrain": "warning", "scale": "warning", "pause": "warning",
                                          "rollback": "critical"}  # fmt: skip
#: A status that says nothing worth a line, and is nobody's runbook entry while another one is there.
_QUIET: Final[tuple[Status, ...]] = ("OK",)
OWNER: Final[tuple[Audience, ...]] = ("endpoint_owner",)
#: What makes single violations beside the point, in the order of the rules.
_HIDES: Final[tuple[Status, ...]] = ("JOB_FAILED", "CAPTURE_OFF", "CAPTURE_LAGGING", "SCHEMA_CHANGED", "ENCODING_MIXED")
_DRIFT: Final = "baseline_drift_check"


def decision_message(
    endpoint: Endpoint,
    decision: Decision,
    verdicts: Sequence[Verdict],
    *,
    columns: Columns | None = None,
    links: Sequence[Link] = (),
    since: datetime | None = None,
    action: str | None = None,
    reason: str | None = None,
    audiences: Sequence[Audience] = (),
) -> Message:
    """What a decision is told as.

    Args:
        endpoint: The endpoint.
        decision: What was decided.
        verdicts: On the windows that the decision looked at; the message is about those on the latest with violations.
        columns: The statistics of that window and of its baseline, for what the drifted features were and are.
        links: Where to read on: run, report, job, logs.
        since: When the matter began, if somebody knows better than this evidence, as an incident does.
        action: What is done, if it is other than what was decided.
        reason: Why, if it is other than what the decision says.
        audiences: Whom it is for; empty: whom the likely cause concerns.
    """
    told = telling(decision, verdicts)
    cause = likely_cause(told)
    window = told[0].window if told else decision.window
    does, whom = action or decision.action, tuple(audiences) or (cause.audience,)
    return Message(
        key=f"decision-{decision.evidence_hash[:16]}",
        severity=_severer(cause.severity, _OF_ACTION.get(does, "info")),
        audiences=whom,
        owner=named(endpoint, whom),
        endpoint=endpoint.name,
        model_version=decision.model_version,
        cause=cause.word,
        title=f"{endpoint.name}: {cause.title}",
        happened=(reason or decision.reason, *_happened(told)),
        since=since or _since(decision, verdicts, window),
        figures=figures(told, columns or Columns()),
        likely_cause=cause.text,
        done=DONE[does].format(name=endpoint.name),
        next_steps=_next_steps(cause, told),
        runbook=_entry(endpoint, cause, told),
        links=tuple(links),
    )


def telling(decision: Decision, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts that the message is about: on the latest window with violations, else on the decision's own."""
    counted = {(seen.window, seen.monitor) for seen in decision.evidence}
    seen = [verdict for verdict in verdicts if (verdict.window, verdict.monitor) in counted]
    violated = [verdict.window for verdict in seen if verdict.status == "VIOLATIONS"]
    window = max(violated, key=lambda w: (w.end, w.start)) if violated else decision.window
    return tuple(verdict for verdict in seen if verdict.window == window)


def named(endpoint: Endpoint, audiences: Sequence[Audience]) -> str:
    """The names of whom a message is for; the endpoint's owner where nobody else is named."""
    told = endpoint.notifications
    names: dict[Audience, str] = {
        "endpoint_owner": endpoint.owner,
        "data_owner": told.data_owner,
        "label_owner": told.label_owner,
    }
    return ", ".join(dict.fromkeys(names[audience] or endpoint.owner for audience in audiences))


def _severer(*severities: Severity) -> Severity:
    return max(severities, key=SEVERITIES.index)


def _since(decision: Decision, verdicts: Sequence[Verdict], window: Window) -> datetime:
    """The start of the first window that the decision held against the model, or of the one it is told about."""
    held = [seen.window for seen in decision.evidence if seen.counted and seen.status == "VIOLATIONS"]
    if not held:
        held = [verdict.window for verdict in verdicts if verdict.status not in ("OK", "PROVISIONAL")]
    return min((one.start for one in held), default=window.start)


def _happened(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        if verdict.status not in _QUIET:
            yield f"{verdict.monitor} on {verdict.window}: {verdict.status}. {verdict.evidence}".rstrip()
    other = [one for verdict in verdicts for one in verdict.violations if not _is_a_figure(one)]
    for violation in other[:SHOWN]:
        yield f"{violation.about}: {violation.description}"
    if len(other) > SHOWN:
        yield f"and {len(other) - SHOWN} more such violations"


def _is_a_figure(violation: Violation) -> bool:
    """Whether the message's numbers tell it already."""
    return violation.constraint_check_type == _DRIFT or violation.metric_name is not None


def _next_steps(cause: Cause, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    advice = [step for verdict in verdicts if verdict.attribution for step in verdict.attribution.next_steps]
    return tuple(dict.fromkeys((*cause.next_steps, *advice[:SHOWN])))


def _entry(endpoint: Endpoint, cause: Cause, verdicts: Sequence[Verdict]) -> Link:
    """The entry of what hides all else, else of the commonest violation, else of the first status that is not OK."""
    uri = endpoint.notifications.runbook_uri
    statuses = [verdict.status for verdict in verdicts if verdict.status not in _QUIET]
    checks = [violation.constraint_check_type for verdict in verdicts for violation in verdict.violations]
    if cause.word == "missing_columns":
        return runbook(uri, "violation", "missing_column_check")
    for status in _HIDES:
        if status in statuses:
            return runbook(uri, "status", status)
    if checks:
        return runbook(uri, "violation", max(sorted(set(checks)), key=checks.count))
    return runbook(uri, "status", statuses[0] if statuses else "OK")
