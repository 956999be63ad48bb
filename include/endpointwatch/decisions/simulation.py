"""What would have happened: stored verdicts gone over window by window, with a history of actions of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal

from pydantic import Field

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch.decisions.decision import Decision
from endpointwatch.decisions.guards import Permission, permit
from endpointwatch.decisions.history import ActionRecord
from endpointwatch.decisions.incidents import Incident, around, containing, incidents_of
from endpointwatch.decisions.policy import concerns, decide, evidence_windows
from endpointwatch.decisions.seen import Part, ordered
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

    A stored verdict is taken as it is now: labels that came later are in it from the start. A retraining changes no
    verdict that is on record, so drift that it would have ended goes on.

    Args:
        verdicts: Of the endpoint, in any order.
        endpoint: The file whose ``decision`` section is tried.
        delay: From a window's end to its decision.
        training: What each retraining's training job is taken to last.
    """
    windows: dict[Window, list[Verdict]] = {}
    for verdict in ordered(verdicts):
        windows.setdefault(verdict.window, []).append(verdict)
    steps: list[Step] = []
    done: list[ActionRecord] = []
    for window, judged in windows.items():
        if not concerns(judged, endpoint.rules):
            continue
        now = window.end + delay
        decision = decide(_known(windows, evidence_windows(window, endpoint.rules)), endpoint.rules)
        incident = _incident(decision, endpoint, windows)
        permission = permit(decision, endpoint, done, now=now, serving=decision.model_version, incident=incident)
        steps.append(Step(decision=decision, permission=permission))
        done += _done(permission, decision, training)
    return Simulation(
        endpoint=endpoint.name,
        windows=len(windows),
        steps=tuple(steps),
        history=tuple(done),
        incidents=_every(windows, endpoint),
    )


def _known(windows: dict[Window, list[Verdict]], wanted: Iterable[Window]) -> list[Verdict]:
    return [verdict for window in wanted for verdict in windows.get(window, ())]


def _incident(decision: Decision, endpoint: Endpoint, windows: dict[Window, list[Verdict]]) -> Incident | None:
    """The incident that the decision is about, as far as it could be known by then."""
    fired = decision.fired
    if fired is None:
        return None

    def read(window: Window) -> Sequence[Verdict]:
        return windows.get(window, ()) if window.end <= decision.window.end else ()

    settings = endpoint.decision.incidents
    counting = [weighed.window for weighed in fired.windows]
    near = around(counting[-1], read, fired.rule, settings) if counting else ()
    return containing(incidents_of(near, fired.rule, settings), counting)


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
    if permission.allowed == "retrain":
        began = start.model_copy(update={"action": "retrain", "tell": ()})
        jobs = {"simulated": training.total_seconds()}
        found.append(began.ended(permission.at + training, "simulated", training_jobs=jobs))
    return found


def _every(windows: dict[Window, list[Verdict]], endpoint: Endpoint) -> tuple[Incident, ...]:
    verdicts = [verdict for judged in windows.values() for verdict in judged]
    found = [one for rule in endpoint.rules for one in incidents_of(verdicts, rule, endpoint.decision.incidents)]
    return tuple(sorted(found, key=lambda one: (one.first.start, one.first.end, one.rule)))
