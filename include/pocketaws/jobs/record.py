"""The record of a job, of whatever kind, as it is created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pocketaws import events, tags
from pocketaws.operations import Request
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.world import World


def create(world: World, kind: str, request: Request, **members: Any) -> str:
    """Keep what was asked for as a job that is ``InProgress``, with its tags, and tell of it.

    Args:
        world: The local AWS.
        kind: Such as ``TrainingJob``: the members' names begin with it.
        request: As the API takes it.
        members: Of the record, beside those of the request or in their place.

    Returns:
        The job's ARN.

    Raises:
        Fault: A job of that name exists.
    """
    name, at = request[f"{kind}Name"], now()
    arn = world.settings.arn(kind, name)
    asked = {key: value for key, value in request.items() if key != "Tags"}
    state = {f"{kind}Arn": arn, f"{kind}Status": "InProgress", "CreationTime": at, "LastModifiedTime": at}
    record = {**asked, **state, **members}
    world.store.create(kind, name, record)
    tags.keep(world, arn, request.get("Tags", []))
    events.state_changed(world, kind, record)
    return arn


def create_queued(world: World, kind: str, request: Request, **members: Any) -> str:
    """The same, and put the job into the queue of those that run in a container."""
    limit = request.get("StoppingCondition", {"MaxRuntimeInSeconds": 86400})
    arn = create(world, kind, request, StoppingCondition=limit, **members)
    world.jobs.submit(kind, request[f"{kind}Name"])
    return arn
