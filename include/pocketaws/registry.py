"""The model registry: groups of model packages, and the packages' versions with their approval."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pocketaws import events, tags
from pocketaws.faults import Fault, invalid, refuse_members
from pocketaws.listing import answer, described, select
from pocketaws.operations import Request, Response, operation
from pocketaws.store import Record, now

if TYPE_CHECKING:
    from pocketaws.world import World

GROUP, PACKAGE = "ModelPackageGroup", "ModelPackage"
# Two packages created at once must not get the same version.
_NUMBERING = threading.Lock()
_NOT_EMULATED = ("ValidationSpecification", "CertifyForMarketplace")


@operation("CreateModelPackageGroup")
def create_model_package_group(world: World, request: Request) -> Response:
    name = request["ModelPackageGroupName"]
    arn = world.settings.arn(GROUP, name)
    record = {key: value for key, value in request.items() if key != "Tags"}
    record.update(
        ModelPackageGroupArn=arn, CreationTime=now(), CreatedBy={}, ModelPackageGroupStatus="Completed", LastVersion=0
    )
    world.store.create(GROUP, name, record)
    tags.keep(world, arn, request.get("Tags", []))
    return {"ModelPackageGroupArn": arn}


@operation("DescribeModelPackageGroup")
def describe_model_package_group(world: World, request: Request) -> Response:
    return described("DescribeModelPackageGroup", _group(world, request["ModelPackageGroupName"]))


@operation("ListModelPackageGroups")
def list_model_package_groups(world: World, request: Request) -> Response:
    return answer("ListModelPackageGroups", select(world.store.all(GROUP), request, kind=GROUP), request)


@operation("DeleteModelPackageGroup")
def delete_model_package_group(world: World, request: Request) -> Response:
    group = _group(world, request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    if any(package.get("ModelPackageGroupName") == name for package in world.store.all(PACKAGE)):
        raise Fault("ConflictException", f"Model Package Group {group['ModelPackageGroupArn']} cannot be deleted: it "
                                         "contains model packages. Delete them first.")  # fmt: skip
    world.store.delete(GROUP, name)
    tags.forget(world, group["ModelPackageGroupArn"])
    return {}


@operation("CreateModelPackage")
def create_model_package(world: World, request: Request) -> Response:
    refuse_members(request, _NOT_EMULATED, "CreateModelPackage")
    if ("ModelPackageGroupName" in request) == ("ModelPackageName" in request):
        raise invalid("Either ModelPackageGroupName (a versioned package) or ModelPackageName must be given, not both")
    record = {key: value for key, value in request.items() if key not in {"Tags", "ClientToken"}}
    record.update(
        CreationTime=now(),
        LastModifiedTime=now(),
        CreatedBy={},
        ModelPackageStatus="Completed",
        ModelPackageStatusDetails={"ValidationStatuses": [], "ImageScanStatuses": []},
        CertifyForMarketplace=False,
    )
    with _NUMBERING:
        if "ModelPackageGroupName" in request:
            _number(world, record)
        else:
            record["ModelPackageArn"] = world.settings.arn(PACKAGE, record["ModelPackageName"])
        arn = record["ModelPackageArn"]
        # The ARN is the name by which packages of a group are asked for.
        world.store.create(PACKAGE, arn, record)
    tags.keep(world, arn, request.get("Tags", []))
    events.state_changed(world, PACKAGE, record)
    return {"ModelPackageArn": arn}


@operation("DescribeModelPackage")
def describe_model_package(world: World, request: Request) -> Response:
    record = package(world, request["ModelPackageName"])
    # A required member of the answer; packages of a group have no name but their ARN's last part.
    named = {"ModelPackageName": _name(record), **record}
    return described("DescribeModelPackage", named)


@operation("ListModelPackages")
def list_model_packages(world: World, request: Request) -> Response:
    rows = [{"ModelPackageName": _name(record), **record} for record in world.store.all(PACKAGE)]
    if "ModelPackageGroupName" in request:
        name = _group(world, request["ModelPackageGroupName"])["ModelPackageGroupName"]
        rows = [row for row in rows if row.get("ModelPackageGroupName") == name]
    else:
        # "Unversioned" is the default of ModelPackageType (API reference, ListModelPackages).
        wanted = request.get("ModelPackageType", "Unversioned")
        rows = [row for row in rows if wanted == "Both" or ("ModelPackageVersion" in row) == (wanted == "Versioned")]
    if "ModelApprovalStatus" in request:
        rows = [row for row in rows if row.get("ModelApprovalStatus") == request["ModelApprovalStatus"]]
    return answer("ListModelPackages", select(rows, request, kind=PACKAGE), request)


@operation("UpdateModelPackage")
def update_model_package(world: World, request: Request) -> Response:
    before = package(world, request["ModelPackageArn"])
    arn = before["ModelPackageArn"]

    def updated(record: Record) -> Record:
        changes: dict[str, Any] = {
            key: value
            for key, value in request.items()
            if key not in {"ModelPackageArn", "ClientToken", "CustomerMetadataPropertiesToRemove",
                           "AdditionalInferenceSpecificationsToAdd"}
        }  # fmt: skip
        properties = {**record.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
        for key in request.get("CustomerMetadataPropertiesToRemove", []):
            properties.pop(key, None)
        changes["CustomerMetadataProperties"] = properties or None
        added = request.get("AdditionalInferenceSpecificationsToAdd")
        if added:
            present = record.get("AdditionalInferenceSpecifications", [])
            changes["AdditionalInferenceSpecifications"] = [*present, *added]
        return changes

    record = world.store.change(PACKAGE, arn, updated)
    events.state_changed(world, PACKAGE, record)
    return {"ModelPackageArn": arn}


@operation("DeleteModelPackage")
def delete_model_package(world: World, request: Request) -> Response:
    arn = package(world, request["ModelPackageName"])["ModelPackageArn"]
    world.store.delete(PACKAGE, arn)
    tags.forget(world, arn)
    return {}


def package(world: World, name: str) -> Record:
    """A package by its ARN, by ``<group>/<version>``, or by name.

    Raises:
        Fault: There is none.
    """
    arn = name.lower() if name.startswith("arn:") else world.settings.arn(PACKAGE, name)
    return world.store.get(PACKAGE, arn)


def _group(world: World, name: str) -> Record:
    """A group by its name or ARN."""
    if not name.startswith("arn:"):
        return world.store.get(GROUP, name)
    for record in world.store.all(GROUP):
        if record["ModelPackageGroupArn"] == name.lower():
            return record
    raise invalid(f"ModelPackageGroup {name} does not exist.")


def _number(world: World, record: Record) -> None:
    """Make ``record`` the next version of its group. A version is never given twice, also when it was deleted."""
    group = _group(world, record["ModelPackageGroupName"])
    name, version = group["ModelPackageGroupName"], group["LastVersion"] + 1
    world.store.update(GROUP, name, LastVersion=version)
    record.update(
        ModelPackageGroupName=name,
        ModelPackageVersion=version,
        ModelPackageArn=world.settings.arn(PACKAGE, f"{name}/{version}"),
        # "PendingManualApproval" is the default of versioned packages (API reference, CreateModelPackage).
        ModelApprovalStatus=record.get("ModelApprovalStatus", "PendingManualApproval"),
        ModelPackageRegistrationType=record.get("ModelPackageRegistrationType", "Registered"),
    )


def _name(record: Record) -> str:
    return str(record["ModelPackageArn"]).split(":model-package/", 1)[1]
