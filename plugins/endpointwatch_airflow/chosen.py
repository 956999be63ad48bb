"""What `decide` leaves for the task of the action that it has chosen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from endpointwatch.decisions import Decision, Incident, Permission, Standing, containing

#: XCom key under which it lies.
CHOSEN: Final = "chosen"


def incident_of(decision: Decision, incidents: Iterable[Incident]) -> Incident | None:
    """The incident that the decision is about: the latest of its rule's that one of the counting windows belongs to."""
    counting = [weighed.window for weighed in decision.fired.windows] if decision.fired else []
    return containing((one for one in incidents if one.rule == decision.rule), counting)


def request_of(decision: Decision, uri: str, permission: Permission, standing: Standing) -> dict[str, Any]:
    """What the action needs to know: ``run_id`` and ``conf`` of a retraining, and what its own task asks for."""
    return {**_retraining(decision, uri, permission), **_own(decision, permission, standing)}


def _retraining(decision: Decision, uri: str, permission: Permission) -> dict[str, Any]:
    """The run id allows one a model version and day, however many windows of a backfill come to the same decision.

    Airflow refuses the second run of that id, and the task that asks for it is skipped. Nothing is trained on windows
    whose data is broken.
    """
    broken = {seen.window for seen in decision.evidence if seen.broken}
    of_version = {
        seen.window for seen in decision.evidence if seen.counted and seen.model_version == decision.model_version
    }
    windows = sorted(of_version - broken, key=lambda window: window.start)
    return {
        "run_id": f"drift__{_once(decision, permission.at)}",
        "reason": permission.reason,
        "conf": {
            "windows": [window.model_dump(mode="json") for window in windows],
            "decision": uri,
            "model_version": decision.model_version,
            "reason": permission.reason,
        },
    }


def _own(decision: Decision, permission: Permission, standing: Standing) -> dict[str, Any]:
    action, rule, now = permission.allowed, decision.fired.rule if decision.fired else None, permission.at
    if action == "rollback":
        conf = {"instead_of": decision.model_version, "reason": permission.reason}
        return {"rollback": {"run_id": f"decision__{_once(decision, now)}", "conf": conf}}
    if action == "scale" and rule is not None and standing.instances is not None:
        return {"instances": rule.scaling.after(standing.instances)}
    if action == "pause" and rule is not None:
        until = now + timedelta(hours=rule.pause_hours)
        return {"pause": {"since": now.isoformat(), "until": until.isoformat()}}
    return {}


def _once(decision: Decision, now: datetime) -> str:
    return f"{decision.model_version}__{now.astimezone(UTC):%Y-%m-%d}"
