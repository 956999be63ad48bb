"""The records of what was done about an endpoint, in S3."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import ValidationError

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.decisions.history import MONTH, ActionRecord
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.answers import Outcome
from endpointwatch_airflow.hooks.store import StoreHook

#: Folders of days begin with a year; what follows them below `actions/` is no action.
DIGITS: Final = tuple("0123456789")


def history(store: StoreHook, layout: Layout, now: datetime) -> tuple[ActionRecord, ...]:
    """Every action on record that any guard can ask about at ``now``: those of the last month, oldest first.

    Raises:
        NotRetriedError: A file there is no record of an action.
    """
    found = []
    for item in store.objects(f"{layout.actions()}/", after=layout.actions_before(now - MONTH)):
        if not item.uri.removeprefix(f"{layout.actions()}/").startswith(DIGITS):
            break
        found.append(read(store, item.uri))
    return tuple(found)


def read(store: StoreHook, uri: str) -> ActionRecord:
    """One record.

    Raises:
        NotRetriedError: It is missing, or no record of an action.
    """
    text = store.read(uri)
    try:
        return ActionRecord.model_validate_json(text or "")
    except ValidationError as error:
        raise NotRetriedError(
            f"{uri} is no record of an action: {error.errors(include_url=False)}. Budget and cooldown cannot be held "
            "without it; restore the object, or delete it if the action never happened."
        ) from error


def started(store: StoreHook, layout: Layout, record: ActionRecord, known: tuple[ActionRecord, ...]) -> str:
    """Write down that an action starts, and where; one that is on record under the same id stays as it is."""
    same = next((one for one in known if (one.id, one.action) == (record.id, record.action)), None)
    if same is not None:
        return same.uri(layout)
    store.write(record.uri(layout), record.to_json())
    return record.uri(layout)


def ended(store: StoreHook, uri: str, outcome: str, *, at: datetime) -> ActionRecord:
    """Write down how an action ended; its start stays as it is.

    Raises:
        NotRetriedError: There is no record of its start.
    """
    record = read(store, uri).ended(at, outcome)
    store.write(uri, record.to_json())
    return record


def trained(store: StoreHook, endpoint: Endpoint, run_id: str, outcome: Outcome, *, at: datetime) -> None:
    """Write the end of a retraining's training job, and what it took, into the retraining's record.

    A run whose start is not on record (it was admitted by an earlier version) has nothing to end. Jobs of the same run
    that failed before add up, as they are paid for.
    """
    layout = Layout.of(endpoint)
    same = [one for one in history(store, layout, at) if (one.id, one.action) == (run_id, "retrain")]
    for record in same:
        jobs = {**record.training_jobs, outcome.name: outcome.billable_seconds or 0.0}
        told = record.ended(at, f"training {outcome.status}", training_jobs=jobs)
        store.write(told.uri(layout), told.to_json())
