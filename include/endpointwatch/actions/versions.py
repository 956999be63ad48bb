"""Which version a rollback or a redeployment is about, and which versions are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from difflib import get_close_matches

from pydantic import BaseModel, ConfigDict, Field, field_validator

from endpointwatch.errors import DeploymentError
from endpointwatch.reports.deployment import Deployment, How, history, previous


class VersionRequest(BaseModel):
    """The form of the rollback and redeploy DAGs."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str = Field(
        "", description="The model version to serve; empty: the one before, or of a redeploy the same one."
    )
    instead_of: str = Field("", description="The version that is to be replaced; empty: whichever serves.")
    reason: str = Field("", description="Kept with the deployment.")
    dry_run: bool = False

    @field_validator("version", "instead_of", "reason", mode="before")
    @classmethod
    def _nothing_said(cls, value: object) -> object:
        # An empty field of Airflow's form arrives as null.
        return "" if value is None else value


def target(
    deployments: Iterable[Deployment], request: VersionRequest, *, how: How, serving: str, endpoint: str
) -> Deployment:
    """The deployment on record whose version is to serve.

    Args:
        deployments: On record.
        request: What was asked for.
        how: ``rollback`` or ``redeploy``.
        serving: The version that serves now.
        endpoint: Its name, for the texts.

    Raises:
        DeploymentError: There is no such version, or none before.
    """
    known = tuple(sorted(deployments, key=lambda found: found.in_service_from))
    wanted = request.version
    if not wanted and how == "rollback":
        found = previous([*known, *_unrecorded(known, serving, endpoint)])
        if found is None:
            raise DeploymentError(
                f"Endpoint {endpoint!r} is served by {serving!r}, and no other version before it is on record. There "
                "is nothing to go back to; deploy a version by the retrain DAG."
            )
        return found
    # Redeployed without a name: the version that serves, on fresh machines.
    wanted = wanted or serving
    versions = sorted({found.model_version for found in known})
    if wanted not in versions:
        near = get_close_matches(wanted, versions, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DeploymentError(
            f"No deployment of {wanted!r} on endpoint {endpoint!r} is on record; there are {versions}.{hint}"
        )
    return [found for found in known if found.model_version == wanted][-1]


def _unrecorded(known: tuple[Deployment, ...], serving: str, endpoint: str) -> tuple[Deployment, ...]:
    """What serves, when it was deployed so lately that nobody has written it down yet."""
    if not known or known[-1].model_version == serving:
        return ()
    later = known[-1].in_service_from + timedelta(seconds=1)
    told = {"model_version": serving, "endpoint": endpoint, "how": "deploy", "in_service_from": later}
    return (known[-1].model_copy(update=told),)


def expendable(deployments: Iterable[Deployment], *, keep: int, in_use: Collection[str]) -> tuple[Deployment, ...]:
    """The deployments whose model and configuration may be deleted.

    Args:
        deployments: On record.
        keep: So many versions before the one that serves stay, those that served last.
        in_use: Models that serve, or are being deployed; never among the answer.

    Returns:
        One deployment for each version that may go, its oldest first.
    """
    known = tuple(deployments)
    newest: dict[str, Deployment] = {}
    for found in sorted(known, key=lambda found: found.in_service_from):
        newest[found.model_version] = found
    way_back = [found.model_version for found in history(known)]
    serving = way_back[-1:]
    others = [version for version in newest if version not in serving]
    # What a rollback would go back to comes before what one has gone back from.
    ordered = sorted(others, key=lambda version: (version in way_back, newest[version].in_service_from), reverse=True)
    kept = {*serving, *ordered[:keep], *in_use}
    return tuple(newest[version] for version in newest if version not in kept)
