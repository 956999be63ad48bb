"""Decide what verdicts are answered with. Everything here is pure: verdicts and rules come in as arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from endpointwatch.config.decision import Rule
from endpointwatch.config.window import Window
from endpointwatch.decisions.decision import Decision, Outcome, Weighed
from endpointwatch.decisions.seen import Seen, by_window, ordered, points, weigh
from endpointwatch.errors import WindowError
from endpointwatch.reports.verdict import Verdict


def reach(rules: Iterable[Rule]) -> int:
    """How many windows a decision looks at: as many as the rule that looks back farthest."""
    return max(rule.windows for rule in rules)


def affected_windows(window: Window, rules: Sequence[Rule]) -> tuple[Window, ...]:
    """The decision windows that a verdict on ``window`` can change: ``window`` itself and the next ``reach - 1``."""
    return tuple(window.shifted(step) for step in range(reach(rules)))


def evidence_windows(window: Window, rules: Sequence[Rule]) -> tuple[Window, ...]:
    """The windows whose verdicts a decision on ``window`` looks at, oldest first, itself last."""
    return tuple(window.shifted(step) for step in range(1 - reach(rules), 1))


def concerns(verdicts: Iterable[Verdict], rules: Iterable[Rule]) -> bool:
    """Whether any of the verdicts counts by any of the rules, so that there is something to decide."""
    seen = [Seen.of(verdict, counted=True) for verdict in verdicts]
    return any(points(one, rule) > 0 for one in seen for rule in rules)


def decide(verdicts: Iterable[Verdict], rules: Sequence[Rule]) -> Decision:
    """The decision on the newest window among ``verdicts``.

    A window counts by a rule when the points of its verdicts (:func:`endpointwatch.decisions.seen.points`) reach the
    rule's threshold; the first rule with enough windows among its last ones decides. Only verdicts on the model version
    that the newest windows were judged by are looked at: drift that a retraining has answered is not held against the
    new version. Windows without an answer are part of the evidence, and so are provisional verdicts, which do not count
    either way: the final one will be other evidence, for another decision.

    Args:
        verdicts: Verdicts of one endpoint, in any order, repeated ones allowed; those before the windows that the rules
            look at are left out.
        rules: The rules in force (:attr:`endpointwatch.config.endpoint.Endpoint.rules`).

    Raises:
        WindowError: There is no verdict, or the verdicts are of several endpoints.
    """
    every = ordered(verdicts)
    if not every:
        raise WindowError("There is no verdict to decide on; judge a window first.")
    if len(names := sorted({verdict.endpoint for verdict in every})) > 1:
        raise WindowError(f"One decision is about one endpoint, but the verdicts are of {names}.")
    window = every[-1].window
    horizon = window.end - reach(rules) * window.length
    recent = [verdict for verdict in every if verdict.window.end > horizon]
    # A window without an answer may not know its version; then the last one that does speaks for it.
    version = next((verdict.model_version for verdict in reversed(recent) if verdict.model_version), None)
    evidence = tuple(
        Seen.of(verdict, counted=verdict.model_version in (version, None) and verdict.status != "PROVISIONAL")
        for verdict in recent
    )
    return _read(rules, evidence, endpoint=names[0], window=window, version=version)


def _read(
    rules: Sequence[Rule], evidence: tuple[Seen, ...], *, endpoint: str, window: Window, version: str | None
) -> Decision:
    outcomes: list[Outcome] = []
    decider: Outcome | None = None
    for rule in rules:
        outcome = _outcome(rule, evidence, window, version, before=decider)
        outcomes.append(outcome)
        decider = decider or (outcome if outcome.fired else None)
    # Of those that did not fire, the one that came farthest says best why nothing is done; of equals the file's own.
    nearest = max(reversed(outcomes), key=lambda one: len(one.windows))
    return Decision(
        endpoint=endpoint,
        window=window,
        model_version=version,
        rule=decider.rule.name if decider else None,
        violated_windows=len((decider or nearest).windows),
        action=decider.rule.action if decider else "nothing",
        tell=decider.rule.told if decider else (),
        reason=(decider or nearest).reason,
        rules=tuple(outcomes),
        evidence=evidence,
    )


def _outcome(
    rule: Rule, evidence: Sequence[Seen], window: Window, version: str | None, *, before: Outcome | None
) -> Outcome:
    horizon = window.end - rule.windows * window.length
    looked_at = by_window(seen for seen in evidence if seen.window.end > horizon)
    weighed = {one: weigh((seen for seen in of if seen.counted), rule) for one, of in looked_at.items()}
    counting = tuple(Weighed(window=one, points=sum_) for one, sum_ in weighed.items() if sum_ >= rule.threshold)
    met = len(counting) >= rule.violations
    statuses = {seen.status for one in counting for seen in looked_at[one.window] if points(seen, rule) > 0}
    told = f"{len(counting)} of the last {rule.windows} windows of {version or 'the model'} {_what(rule, statuses)}"
    if not met:
        reason = f"{told}; the rule {rule.name!r} asks for {rule.violations}."
    elif before is not None:
        reason = f"{told}, but {before.rule.name!r} stands before {rule.name!r} and has fired."
    else:
        reason = f"{told}, which meets the rule's {rule.violations}: {rule.action}."
    # How long it may be acted upon is no part of what is decided.
    return Outcome(
        rule=rule.model_copy(update={"act_within_hours": None}),
        fired=met and before is None,
        windows=counting,
        reason=reason,
    )


def _what(rule: Rule, statuses: Iterable[str]) -> str:
    found = sorted(statuses) or sorted(rule.statuses)
    checks = f" by {', '.join(rule.checks)}" if rule.checks else ""
    weighted = "" if rule.threshold == 1.0 else f" of {rule.threshold:g} points or more"
    if found == ["VIOLATIONS"]:
        return f"had violations{checks}{weighted}"
    words = " or ".join(f"{status}{checks if status == 'VIOLATIONS' else ''}" for status in found)
    return f"were {words}{weighted}"
