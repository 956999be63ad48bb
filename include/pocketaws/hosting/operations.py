"""The endpoint operations of SageMaker's control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pocketaws import events, tags
from pocketaws.faults import invalid, not_emulated
from pocketaws.hosting import progress
from pocketaws.hosting.spec import resolve
from pocketaws.hosting.traffic import Plan, plan
from pocketaws.hosting.update import UPDATE, Update
from pocketaws.listing import answer, described, select
from pocketaws.operations import Request, Response, operation
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.store import Record
    from pocketaws.world import World

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@operation("CreateEndpoint")
def create_endpoint(world: World, request: Request) -> Response:
    deployments = world.hosting.deployments
    name, config_name = request["EndpointName"], request["EndpointConfigName"]
    if request.get("DeploymentConfig"):
        # Accepted by AWS, where it counts for the updates to come.
        plan(request["DeploymentConfig"], 1)
    spec = resolve(world, config_name)
    arn, created = world.settings.arn("Endpoint", name), now()
    record: Record = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": config_name,
        "EndpointStatus": "Creating",
        "CreationTime": created,
        "LastModifiedTime": created,
        "PendingDeploymentSummary": progress.pending(spec, created, progress.CREATING, share=0.0),
    }
    if request.get("DeploymentConfig"):
        record["LastDeploymentConfig"] = request["DeploymentConfig"]
    world.store.create("Endpoint", name, record)
    tags.keep(world, arn, request.get("Tags", []))
    events.state_changed(world, "Endpoint", record)
    deployments.start(name, spec, Plan())
    return {"EndpointArn": arn}


@operation("UpdateEndpoint")
def update_endpoint(world: World, request: Request) -> Response:
    deployments = world.hosting.deployments
    name = request["EndpointName"]
    record = world.store.get("Endpoint", name)
    _idle(record)
    live = world.hosting.live(name)
    if live is None or record["EndpointStatus"] != "InService":
        raise invalid(
            f'Cannot update endpoint "{record["EndpointArn"]}" in status {record["EndpointStatus"]}: '
            "only an endpoint in service can be updated. Delete it and create it anew."
        )
    spec = resolve(world, request["EndpointConfigName"])
    if request.get("RetainAllVariantProperties"):
        exclude = request.get("ExcludeRetainedVariantProperties", [])
        spec = spec.retaining(live, frozenset(item["VariantPropertyType"] for item in exclude))
    config: dict[str, Any] = request.get("DeploymentConfig") or {}
    if not config and request.get("RetainDeploymentConfig"):
        config = record.get("LastDeploymentConfig", {})
    steps = plan(config, spec.instances)
    if steps.alarms:
        _alarms_exist(world, steps.alarms)
        # An update that is begun anew after a restart is watched by what it was to be watched by.
        world.save()
    changes: Record = {
        UPDATE: Update(spec, config).record(),
        "PendingDeploymentSummary": progress.pending(spec, now(), progress.CREATING, share=0.0),
    }
    if config:
        changes["LastDeploymentConfig"] = config
    _begin(world, name, changes)
    deployments.start(name, spec, steps)
    return {"EndpointArn": record["EndpointArn"]}


@operation("UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(world: World, request: Request) -> Response:
    deployments = world.hosting.deployments
    name = request["EndpointName"]
    record = world.store.get("Endpoint", name)
    _idle(record)
    live = world.hosting.live(name)
    if live is None:
        raise invalid(f'Cannot update endpoint "{record["EndpointArn"]}" in status {record["EndpointStatus"]}.')
    wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
    for item in wanted.values():
        if item["VariantName"] not in {variant.name for variant in (*live.variants, *live.shadows)}:
            raise invalid(f'The variant name(s) "{item["VariantName"]}" is/are not present within endpoint '
                          f'configuration "{live.config_name}".')  # fmt: skip
        if "ServerlessUpdateConfig" in item:
            raise not_emulated("ServerlessUpdateConfig of UpdateEndpointWeightsAndCapacities")
    spec = progress.weighed(live, wanted)
    _begin(world, name, {UPDATE: Update(spec, reweighs=True).record()})
    deployments.reweigh(name, spec)
    return {"EndpointArn": record["EndpointArn"]}


@operation("DescribeEndpoint")
def describe_endpoint(world: World, request: Request) -> Response:
    return described("DescribeEndpoint", world.store.get("Endpoint", request["EndpointName"]))


@operation("ListEndpoints")
def list_endpoints(world: World, request: Request) -> Response:
    return answer("ListEndpoints", select(world.store.all("Endpoint"), request, kind="Endpoint"), request)


@operation("DeleteEndpoint")
def delete_endpoint(world: World, request: Request) -> Response:
    deployments = world.hosting.deployments
    name = request["EndpointName"]

    def deleting(record: Record) -> Record:
        _idle(record)
        return {"EndpointStatus": "Deleting"}

    events.state_changed(world, "Endpoint", world.store.change("Endpoint", name, deleting))
    deployments.retire(name)
    return {}


def _idle(record: Record) -> None:
    if record["EndpointStatus"] in IN_PROGRESS:
        raise invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _begin(world: World, name: str, changes: Record) -> None:
    """Set the status to Updating; of two callers at the same moment one is refused."""

    def updating(record: Record) -> Record:
        _idle(record)
        return {"EndpointStatus": "Updating", **changes}

    events.state_changed(world, "Endpoint", world.store.change("Endpoint", name, updating))


def _alarms_exist(world: World, names: tuple[str, ...]) -> None:
    found = world.aws("cloudwatch").describe_alarms(
        AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    known = {alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found.get(kind, [])}
    if missing := [name for name in names if name not in known]:
        raise invalid(f"AutoRollbackConfiguration names CloudWatch alarms that do not exist: {', '.join(missing)}")
