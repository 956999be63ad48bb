"""How far an update has come, in the words of DescribeEndpoint: PendingDeploymentSummary and the variants' statuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pocketaws.hosting.spec import FleetSpec, VariantSpec
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.store import Record

CREATING, ACTIVATING, BAKING, DELETING = "Creating", "ActivatingTraffic", "Baking", "Deleting"


def pending(spec: FleetSpec, started: float, status: str, *, share: float = 1.0) -> Record:
    """PendingDeploymentSummary.

    Args:
        spec: What the endpoint is being moved to.
        started: Since when, epoch seconds.
        status: The new variants' VariantStatus.
        share: The share of the new fleet's instances that is there.
    """
    at = now()

    def summaries(variants: tuple[VariantSpec, ...]) -> list[Record]:
        return [
            {
                **variant.summary(started),
                "CurrentInstanceCount": round(variant.instances * share),
                "VariantStatus": [{"Status": status, "StartTime": at}],
            }
            for variant in variants
        ]

    summary: Record = {
        "EndpointConfigName": spec.config_name,
        "ProductionVariants": summaries(spec.variants),
        "StartTime": started,
    }
    if spec.shadows:
        summary["ShadowProductionVariants"] = summaries(spec.shadows)
    return summary


def serving(spec: FleetSpec, *, share: float = 1.0) -> list[Record]:
    """ProductionVariants of the fleet that serves, ``share`` of whose instances are left."""
    at = now()
    return [
        {**variant.summary(at), "CurrentInstanceCount": round(variant.instances * share)} for variant in spec.variants
    ]


def shadowing(spec: FleetSpec) -> list[Record] | None:
    """ShadowProductionVariants; None when there are none."""
    at = now()
    return [variant.summary(at) for variant in spec.shadows] or None


def weighed(live: FleetSpec, wanted: dict[str, Record]) -> FleetSpec:
    """The live fleet with DesiredWeightsAndCapacities, by variant name; a shadow's as well."""

    def changed(variant: VariantSpec) -> VariantSpec:
        item = wanted.get(variant.name, {})
        return replace(
            variant,
            weight=float(item.get("DesiredWeight", variant.weight)),
            instances=int(item.get("DesiredInstanceCount", variant.instances)),
        )

    return replace(
        live,
        variants=tuple(changed(variant) for variant in live.variants),
        shadows=tuple(changed(variant) for variant in live.shadows),
    )
