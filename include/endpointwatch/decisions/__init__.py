"""What the policy makes of the verdicts of the last windows, and what is allowed of it."""

from __future__ import annotations

from endpointwatch.decisions.decision import Decision, Outcome
from endpointwatch.decisions.guards import NOUNS, STRENGTH, Guard, Permission, permit, starting_guards
from endpointwatch.decisions.history import ActionRecord
from endpointwatch.decisions.incidents import Incident, around, containing, incidents_of
from endpointwatch.decisions.policy import affected_windows, concerns, decide, evidence_windows
from endpointwatch.decisions.seen import Seen
from endpointwatch.decisions.standing import Standing

__all__ = [
    "NOUNS",
    "STRENGTH",
    "ActionRecord",
    "Decision",
    "Guard",
    "Incident",
    "Outcome",
    "Permission",
    "Seen",
    "Standing",
    "affected_windows",
    "around",
    "concerns",
    "containing",
    "decide",
    "evidence_windows",
    "incidents_of",
    "permit",
    "starting_guards",
]
