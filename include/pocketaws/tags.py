"""Tags: by ARN, of any resource that is on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pocketaws.faults import Fault, invalid, not_emulated
from pocketaws.listing import page
from pocketaws.operations import Request, Response, operation
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.world import World

MAX_TAGS = 50
_KINDS = {
    "processing-job": "ProcessingJob",
    "training-job": "TrainingJob",
    "model": "Model",
    "endpoint-config": "EndpointConfig",
    "endpoint": "Endpoint",
    "model-package-group": "ModelPackageGroup",
    "model-package": "ModelPackage",
}


def keep(world: World, arn: str, tags: list[dict[str, str]]) -> None:
    """Keep the tags a resource is created with; what was left of an earlier resource of that name goes.

    Raises:
        Fault: More than 50, or one key twice.
    """
    check(tags)
    forget(world, arn)
    if tags:
        world.store.create("Tags", arn, {"Tags": tags, "LastModifiedTime": now()})


def check(tags: list[dict[str, str]]) -> None:
    """Refuse what AWS refuses of a list of tags.

    Raises:
        Fault: More than 50, or one key twice.
    """
    keys = [tag["Key"] for tag in tags]
    if len(keys) > MAX_TAGS:
        raise invalid(f"A resource has at most {MAX_TAGS} tags; these are {len(keys)}")
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise invalid(f"Duplicate tag keys: {sorted(twice)}")


def forget(world: World, arn: str) -> None:
    """Forget the tags of a resource that is deleted."""
    if world.store.find("Tags", arn) is not None:
        world.store.delete("Tags", arn)


def of(world: World, arn: str) -> list[dict[str, str]]:
    """A resource's tags."""
    record = world.store.find("Tags", arn)
    return list(record["Tags"]) if record else []


@operation("AddTags")
def add_tags(world: World, request: Request) -> Response:
    arn = _known(world, request["ResourceArn"])
    merged = {tag["Key"]: tag["Value"] for tag in of(world, arn)}
    merged.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
    tags = [{"Key": key, "Value": value} for key, value in merged.items()]
    keep(world, arn, tags)
    return {"Tags": tags}


@operation("ListTags")
def list_tags(world: World, request: Request) -> Response:
    rows: list[dict[str, Any]] = [*of(world, _known(world, request["ResourceArn"]))]
    found, token = page(rows, request)
    return {"Tags": found, **token}


@operation("DeleteTags")
def delete_tags(world: World, request: Request) -> Response:
    arn = _known(world, request["ResourceArn"])
    keep(world, arn, [tag for tag in of(world, arn) if tag["Key"] not in request["TagKeys"]])
    return {}


def _known(world: World, arn: str) -> str:
    """The ARN as kept.

    Raises:
        Fault: It names nothing that is on record.
    """
    place, _, rest = arn.partition("/")
    kind = _KINDS.get(place.rsplit(":", 1)[-1])
    if kind is None or not rest:
        raise not_emulated(f"Tags of {arn}")
    for record in world.store.all(kind):
        if record[f"{kind}Arn"].lower() == arn.lower():
            return str(record[f"{kind}Arn"])
    raise Fault("ResourceNotFound", f"{arn} does not exist.")
