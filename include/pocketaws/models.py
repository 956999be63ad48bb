"""Models: a container image and where its artifact lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pocketaws import events, registry, tags
from pocketaws.faults import invalid, not_emulated
from pocketaws.listing import answer, described, select
from pocketaws.operations import Request, Response, operation
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.world import World


@operation("CreateModel")
def create_model(world: World, request: Request) -> Response:
    name = request["ModelName"]
    containers = request.get("Containers", [])
    if bool(containers) == ("PrimaryContainer" in request):
        raise invalid("Either PrimaryContainer or Containers must be given, and not both")
    if len(containers) > 1:
        raise not_emulated("Models of several containers")
    for container in [*containers, *([request["PrimaryContainer"]] if "PrimaryContainer" in request else [])]:
        if "Image" not in container and "ModelPackageName" not in container:
            raise invalid("A container needs an Image or a ModelPackageName")
        if "ModelDataUrl" in container and "ModelDataSource" in container:
            raise invalid("A container has either a ModelDataUrl or a ModelDataSource, and not both")
        if "ModelPackageName" in container:
            # An unknown package is refused here, not when an endpoint is deployed.
            registry.package(world, container["ModelPackageName"])
    arn = world.settings.arn("Model", name)
    record = {key: value for key, value in request.items() if key != "Tags"}
    record.update(ModelArn=arn, CreationTime=now(), EnableNetworkIsolation=request.get("EnableNetworkIsolation", False))
    world.store.create("Model", name, record)
    tags.keep(world, arn, request.get("Tags", []))
    events.state_changed(world, "Model", record)
    return {"ModelArn": arn}


@operation("DescribeModel")
def describe_model(world: World, request: Request) -> Response:
    return described("DescribeModel", world.store.get("Model", request["ModelName"]))


@operation("ListModels")
def list_models(world: World, request: Request) -> Response:
    return answer("ListModels", select(world.store.all("Model"), request, kind="Model"), request)


@operation("DeleteModel")
def delete_model(world: World, request: Request) -> Response:
    record = world.store.get("Model", request["ModelName"])
    world.store.delete("Model", request["ModelName"])
    tags.forget(world, record["ModelArn"])
    return {}
