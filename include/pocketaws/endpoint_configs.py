"""Endpoint configurations: which models an endpoint serves, with what shares of the traffic, and what it captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pocketaws import events, tags
from pocketaws.faults import invalid, not_emulated, refuse_members
from pocketaws.listing import answer, described, select
from pocketaws.operations import Request, Response, operation
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.world import World

# Accepting these and serving something else would be a lie.
_NOT_EMULATED = ("AsyncInferenceConfig", "ExplainerConfig")


@operation("CreateEndpointConfig")
def create_endpoint_config(world: World, request: Request) -> Response:
    name = request["EndpointConfigName"]
    refuse_members(request, _NOT_EMULATED, "CreateEndpointConfig")
    variants, shadows = request["ProductionVariants"], request.get("ShadowProductionVariants", [])
    names = [variant["VariantName"] for variant in [*variants, *shadows]]
    if len(set(names)) != len(names):
        raise invalid(f"The names of the production variants must differ; they are {names}")
    if shadows and (len(variants), len(shadows)) != (1, 1):
        raise invalid(
            "With ShadowProductionVariants there can be only one production variant and one shadow variant; there are "
            f"{len(variants)} and {len(shadows)}"
        )
    for variant in [*variants, *shadows]:
        if "ModelName" not in variant:
            raise not_emulated("Production variants without a ModelName (inference components)")
        world.store.get("Model", variant["ModelName"])
        if "ServerlessConfig" not in variant and not {"InstanceType", "InitialInstanceCount"} <= set(variant):
            raise invalid(
                f"The production variant {variant['VariantName']} needs InstanceType and InitialInstanceCount, "
                "or a ServerlessConfig"
            )
    arn = world.settings.arn("EndpointConfig", name)
    record = {key: value for key, value in request.items() if key != "Tags"}
    record.update(
        EndpointConfigArn=arn,
        CreationTime=now(),
        ProductionVariants=[{"InitialVariantWeight": 1.0, **variant} for variant in variants],
    )
    if shadows:
        record["ShadowProductionVariants"] = [{"InitialVariantWeight": 1.0, **variant} for variant in shadows]
    world.store.create("EndpointConfig", name, record)
    tags.keep(world, arn, request.get("Tags", []))
    events.state_changed(world, "EndpointConfig", record)
    return {"EndpointConfigArn": arn}


@operation("DescribeEndpointConfig")
def describe_endpoint_config(world: World, request: Request) -> Response:
    record = world.store.get("EndpointConfig", request["EndpointConfigName"])
    return described("DescribeEndpointConfig", record)


@operation("ListEndpointConfigs")
def list_endpoint_configs(world: World, request: Request) -> Response:
    rows = select(world.store.all("EndpointConfig"), request, kind="EndpointConfig")
    return answer("ListEndpointConfigs", rows, request)


@operation("DeleteEndpointConfig")
def delete_endpoint_config(world: World, request: Request) -> Response:
    record = world.store.get("EndpointConfig", request["EndpointConfigName"])
    world.store.delete("EndpointConfig", request["EndpointConfigName"])
    tags.forget(world, record["EndpointConfigArn"])
    return {}
