"""What the policy makes of the verdicts of the last windows."""

from __future__ import annotations

from endpointwatch.decisions.decision import Decision, Seen
from endpointwatch.decisions.policy import Permission, affected_windows, decide, evidence_windows, may_act

__all__ = ["Decision", "Permission", "Seen", "affected_windows", "decide", "evidence_windows", "may_act"]
