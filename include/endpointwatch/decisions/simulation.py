"""What would have happened: stored verdicts gone over window by window, with a history of actions of their own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from pydantic import Field

from endpointwatch.config.decision import Rule
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch.decisions.decision import Decision
from endpointwatch.decisions.guards import NOUNS, Permission, permit
from endpointwatch.decisions.history import ActionRecord
from endpointwatch.decisions.incidents import Incident, containing, incidents_of
from endpointwatch.decisions.policy import concerns, decide, evidence_windows
from endpointwatch.decisions.seen import Part, ordered
from endpointwatch.decisions.standing import Standing
from endpointwatch.reports.verdict import Verdict


class Step(Part):
    """A window on which something was to be decided, and what would have been allowed."""

    decision: Decision
    permission: Permission


class Simulation(Part):
    """The outcome of a replay of decisions. A pure function of verdicts, the endpoint's file and the assumptions."""

    version: Literal["1"] = "1"
    endpoint: str
    windows: int = Field(description="Windows with a verdict.")
    steps: tuple[Step, ...]
    history: tuple[ActionRecord, ...] = Field(description="What would have been done.")
    incidents: tuple[Incident, ...]

    def to_json(self) -> str:
        """The exact text: the same replay always gives the same bytes."""
        return self.model_dump_json(indent=2) + "\n"


def simulate(
    verdicts: Iterable[Verdict],
    endpoint: Endpoint,
    *,
    delay: timedelta = timedelta(minutes=5),
    training: timedelta = timedelta(minutes=30),
) -> Simulation:
    """Decide each window as if it had just ended.

    A stored verdict is taken as it is now: labels that came later are in it from the start. An action changes no
    verdict that is on record, so drift that a retraining would have ended goes on. How many instances served is not
    known, nor which version another one came after: scaling is never at its limit here, and there is always a way back.

    Args:
        verdicts: Of the endpoint, in any order.
        endpoint: The file whose ``decision`` section is tried.
        delay: From a window's end to its decision.
        training: What each retraining's training job is taken to last.
    """
    windows: dict[Window, list[Verdict]] = {}
    for verdict in ordered(verdicts):
        windows.setdefault(verdict.window, []).append(verdict)
    # What is known of an incident by one of its windows is its beginning: who was told of that was told of it.
    rules = endpoint.rules
    incidents = {rule.name: _incidents(windows, rule, endpoint) for rule in rules}
    steps: list[Step] = []
    done: list[ActionRecord] = []
    for window, judged in windows.items():
        if not concerns(judged, rules):
            continue
        decision = decide(_known(windows, evidence_windows(window, rules)), rules)
        fired = decision.fired
        permission = permit(
            decision,
            endpoint,
            done,
            now=window.end + delay,
            standing=Standing(decision.model_version),
            incident=containing(incidents[fired.rule.name], [one.window for one in fired.windows]) if fired else None,
        )
        steps.append(Step(decision=decision, permission=permission))
        done += _done(permission, decision, training)
    every = (one for of_rule in incidents.values() for one in of_rule)
    return Simulation(
        endpoint=endpoint.name,
        windows=len(windows),
        steps=tuple(steps),
        history=tuple(done),
        incidents=tuple(sorted(every, key=lambda one: (one.first.start, one.first.end, one.rule))),
    )


def _known(windows: dict[Window, list[Verdict]], wanted: Iterable[Window]) -> list[Verdict]:
    return [verdict for window in wanted for verdict in windows.get(window, ())]


def _incidents(windows: dict[Window, list[Verdict]], rule: Rule, endpoint: Endpoint) -> tuple[Incident, ...]:
    return incidents_of(_known(windows, windows), rule, endpoint.decision.incidents)


def _done(permission: Permission, decision: Decision, training: timedelta) -> list[ActionRecord]:
    start = ActionRecord(
        endpoint=permission.endpoint,
        action="notify",
        id=decision.evidence_hash,
        started_at=permission.at,
        rule=decision.rule or "",
        tell=permission.tell,
        window=decision.window,
        model_version=decision.model_version,
    )
    found = [start.ended(permission.at, "told")] if permission.tell else []
    if permission.allowed in NOUNS:
        began = start.model_copy(update={"action": permission.allowed, "tell": ()})
        took = training if permission.allowed == "retrain" else timedelta()
        jobs = {"simulated": took.total_seconds()} if took else {}
        found.append(began.ended(permission.at + took, "simulated", training_jobs=jobs))
    return found
