"""An update under way, as the endpoint's record has it: what a restart of the local AWS needs to go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pocketaws.hosting.spec import FleetSpec

if TYPE_CHECKING:
    from pocketaws.store import Record

#: The record's member; it stands there from the request to the update's end, and no answer shows it.
UPDATE = "_Update"


@dataclass(frozen=True, slots=True)
class Update:
    """What was asked for.

    Attributes:
        spec: What the endpoint is being moved to.
        config: DeploymentConfig; empty for a change all at once.
        reweighs: Whether weights and instance counts alone change, on the fleet that serves.
    """

    spec: FleetSpec
    config: Mapping[str, Any] = field(default_factory=dict)
    reweighs: bool = False

    def record(self) -> Record:
        """As JSON; :meth:`of` is its inverse."""
        return asdict(self)

    @classmethod
    def of(cls, endpoint: Mapping[str, Any]) -> Self | None:
        """The update that an endpoint's record names; None when it names none."""
        told = endpoint.get(UPDATE)
        return None if told is None else cls(FleetSpec.of(told["spec"]), told["config"], told["reweighs"])
