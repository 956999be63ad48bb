"""Decide what drift is answered with. Everything here is pure: verdicts, policy and clock come in as arguments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from endpointwatch.config.endpoint import Decision as Policy
from endpointwatch.config.window import Window
from endpointwatch.decisions.decision import Action, Decision, Rule, Seen
from endpointwatch.errors import WindowError
from endpointwatch.reports.verdict import Verdict


def affected_windows(window: Window, policy: Policy) -> tuple[Window, ...]:
    """The decision windows that a verdict on ``window`` can change: ``window`` itself and the next ``windows - 1``."""
    return tuple(window.shifted(step) for step in range(policy.windows))


def evidence_windows(window: Window, policy: Policy) -> tuple[Window, ...]:
    """The windows whose verdicts a decision on ``window`` looks at, oldest first: ``windows`` of them, itself last."""
    return tuple(window.shifted(step) for step in range(1 - policy.windows, 1))


def decide(verdicts: Iterable[Verdict], policy: Policy) -> Decision:
    """The decision on the newest window among ``verdicts``.

    A window counts when any of its monitors found violations. Only verdicts on the model version that the newest
    windows were judged by are counted: drift that a retraining has answered is not held against the new version.
    Windows without an answer (no data, too few rows, …) are part of the evidence and count as not violated. So are
    provisional verdicts, which do not count either way: the final one will be other evidence, for another decision.

    Args:
        verdicts: Verdicts of one endpoint, in any order, repeated ones allowed; those before the last
            ``policy.windows`` windows are left out.
        policy: The endpoint's ``decision`` section.

    Raises:
        WindowError: There is no verdict, or the verdicts are of several endpoints.
    """
    every = {verdict.to_json(): verdict for verdict in verdicts}  # a set: the same verdict twice is one verdict
    if not every:
        raise WindowError("There is no verdict to decide on; judge a window first.")
    ordered = sorted(every.values(), key=lambda v: (v.window.end, v.window.start, v.monitor, v.to_json()))
    if len(names := sorted({verdict.endpoint for verdict in ordered})) > 1:
        raise WindowError(f"One decision is about one endpoint, but the verdicts are of {names}.")
    window = ordered[-1].window
    horizon = window.end - policy.windows * window.length
    recent = [verdict for verdict in ordered if verdict.window.end > horizon]
    # A window without an answer may not know its version; then the last one that does speaks for it.
    version = next((verdict.model_version for verdict in reversed(recent) if verdict.model_version), None)
    evidence = tuple(
        Seen.of(verdict, counted=verdict.model_version == version and verdict.status != "PROVISIONAL")
        for verdict in recent
    )
    violated = {seen.window for seen in evidence if seen.counted and seen.status == "VIOLATIONS"}
    rule = Rule(violations=policy.violations, windows=policy.windows, action=policy.action)
    action: Action = policy.action if len(violated) >= policy.violations else "nothing"
    return Decision(
        endpoint=names[0],
        window=window,
        model_version=version,
        rule=rule,
        violated_windows=len(violated),
        action=action,
        reason=_reason(len(violated), rule, action, version),
        evidence=evidence,
    )


def _reason(violated: int, rule: Rule, action: Action, version: str | None) -> str:
    seen = f"{violated} of the last {rule.windows} windows of {version or 'the model'} had violations"
    if action == "nothing":
        return f"{seen}; the rule asks for {rule.violations}."
    return f"{seen}, which meets the rule's {rule.violations}: {action}."


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a decision may be carried out now, and why (not)."""

    allowed: bool
    reason: str


def may_act(decision: Decision, policy: Policy, *, now: datetime) -> Permission:
    """Whether the decision is still fresh enough to start something.

    A backfill judges and records windows long past; answering old drift by a retraining today would be wrong.

    Args:
        decision: What was decided.
        policy: The endpoint's ``decision`` section.
        now: The time to measure against, with a time zone. The only place where the clock comes in.

    Raises:
        WindowError: ``now`` has no time zone.
    """
    if now.tzinfo is None:
        raise WindowError(f"now ({now.isoformat()}) has no time zone; pass an aware time, as datetime.now(UTC).")
    if decision.action == "nothing":
        return Permission(False, decision.reason)
    limit = timedelta(hours=policy.act_within_hours)
    age = now - decision.window.end
    if age > limit:
        hours = age.total_seconds() / 3600
        return Permission(
            False,
            f"The window ended {hours:.1f} h ago, longer than decision.act_within_hours = {policy.act_within_hours}: "
            "recorded, nothing started.",
        )
    return Permission(True, decision.reason)
