"""Decisions and replays of decisions for people, as text in columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from endpointwatch.config.window import Window
from endpointwatch.decisions.decision import Decision, Outcome
from endpointwatch.decisions.guards import NOUNS, Permission
from endpointwatch.decisions.incidents import Incident
from endpointwatch.decisions.seen import by_window
from endpointwatch.decisions.simulation import Simulation, Step
from endpointwatch.reports.columns import in_columns


def explained(decision: Decision, permission: Permission) -> str:
    """Why a decision is as it is: what it saw, every rule with what became of it, every guard with what it said."""
    allowed = f"Allowed at {permission.at:%Y-%m-%d %H:%M} UTC: {permission.allowed}{_whom(permission)}."
    parts = [
        f"{decision.endpoint}, windows to {_moment(decision.window)} of {decision.model_version or 'no known version'}",
        _evidence(decision),
        in_columns([("rule", "asks for", "fired", "why"), *map(_rule, decision.rules)]),
        _guards(permission),
        f"Asked for: {decision.action}. {allowed}\n{permission.reason}",
    ]
    return "\n\n".join(parts) + "\n"


def replayed(simulation: Simulation) -> str:
    """What would have happened: incidents, actions, and what was held back."""
    done = [step for step in simulation.steps if step.permission.allowed != "nothing"]
    held = [step for step in simulation.steps if step.permission.held_back]
    tables = [
        _table("Incidents", ("rule", "from", "to", "windows", "ended"), map(_incident, simulation.incidents)),
        _table("Actions", ("at", "rule", "asked for", "done", "told"), map(_done, done)),
        _table("Held back", ("at", "rule", "asked for", "done", "by"), map(_held, held)),
    ]
    return "\n\n".join([*tables, _summary(simulation)]) + "\n"


def _evidence(decision: Decision) -> str:
    rows = [("window", "monitor", "verdict", "looked at")]
    for window, seen in by_window(decision.evidence).items():
        for one in seen:
            count = f" {one.violations}" if one.violations else ""
            looked = "yes" if one.counted else "waits for labels" if one.status == "PROVISIONAL" else "other version"
            rows.append((str(window), one.monitor, f"{one.status}{count}", looked))
    return in_columns(rows)


def _rule(outcome: Outcome) -> tuple[str, ...]:
    rule = outcome.rule
    return (
        rule.name,
        f"{rule.action}, {rule.violations} of {rule.windows}",
        "yes" if outcome.fired else "no",
        outcome.reason,
    )


def _guards(permission: Permission) -> str:
    if not permission.guards:
        return "No guard is asked: nothing is asked for."
    rows = [(guard.name, "yes" if guard.held else "no", guard.reason) for guard in permission.guards]
    return in_columns([("guard", "holds", "why"), *rows])


def _table(title: str, titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = list(rows)
    return f"{title}\n{in_columns([titles, *lines])}" if lines else f"{title}: none"


def _incident(incident: Incident) -> tuple[str, ...]:
    ended = (
        f"closed by {_moment(incident.closed_by)}"
        if incident.closed_by
        else f"lapses {incident.lapses_at:%Y-%m-%d %H:%M}"
    )
    first, last = f"{incident.first.start:%Y-%m-%d %H:%M}", _moment(incident.last)
    return incident.rule, first, last, str(len(incident.windows)), ended


def _done(step: Step) -> tuple[str, ...]:
    told = ", ".join(step.permission.tell) or "nobody"
    return (*_asked(step), told)


def _held(step: Step) -> tuple[str, ...]:
    return (*_asked(step), " ".join(guard.reason for guard in step.permission.held_back))


def _asked(step: Step) -> tuple[str, str, str, str]:
    permission = step.permission
    return f"{permission.at:%Y-%m-%d %H:%M}", permission.rule or "", permission.asked, permission.allowed


def _summary(simulation: Simulation) -> str:
    done = Counter(record.action for record in simulation.history)
    by = Counter(guard.name for step in simulation.steps for guard in step.permission.held_back)
    hours = sum(record.seconds(0) for record in simulation.history) / 3600
    held = ", ".join(f"{name} {count}" for name, count in sorted(by.items())) or "nothing"
    words = {action: noun for action, noun in NOUNS.items() if action != "retrain" and done[action]}
    others = "".join(f" {done[action]} {noun}s," for action, noun in words.items())
    return (
        f"{simulation.windows} windows, {len(simulation.steps)} decided on: {len(simulation.incidents)} incidents, "
        f"{done['retrain']} retrainings ({hours:.1f} h),{others} {done['notify']} alerts. Held back by: {held}."
    )


def _whom(permission: Permission) -> str:
    return f", {', '.join(permission.tell)} is told" if permission.tell else ""


def _moment(window: Window) -> str:
    return f"{window.end:%Y-%m-%d %H:%M}"
