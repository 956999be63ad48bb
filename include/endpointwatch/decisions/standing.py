"""The endpoint as it stands, as far as guards ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from endpointwatch.reports.deployment import Deployment, previous


@dataclass(frozen=True, slots=True)
class Standing:
    """What guards hold a decision against.

    Attributes:
        serving: The model version that serves now; None when none is on record.
        no_way_back: Why no decision can return to the version before, in a sentence; empty when one can.
        no_scaling: The same of adding instances.
        instances: Instance count of the watched variant; None when nobody has asked.
    """

    serving: str | None
    no_way_back: str = ""
    no_scaling: str = ""
    instances: int | None = None

    @classmethod
    def of(cls, deployments: Iterable[Deployment]) -> Self:
        """The standing by the deployments on record.

        From a version that was itself brought back, decisions go back no further: trouble that has outlived a rollback
        is not the version's, and every window of it would take away one more.
        """
        known = sorted(deployments, key=lambda one: one.in_service_from)
        if not known:
            return cls(None, "No deployment is on record, so no version before is known.")
        version, before = known[-1].model_version, previous(known)
        if known[-1].how == "rollback":
            why = f"{version} was brought back by a rollback; a person decides whether to go back further."
        else:
            why = "" if before is not None else f"No version before {version} is on record."
        return cls(version, why)
