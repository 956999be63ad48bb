"""Which model version served when: one record per deployment, and the version a window is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.config.window import Window

How = Literal["deploy", "rollback", "redeploy"]


class Deployment(BaseModel):
    """One deployment of a model version on the endpoint (``deployments/<stamp>-<model version>.json``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal["1"] = "1"
    endpoint: str
    model_version: str
    in_service_from: datetime
    endpoint_config: str
    model_package_arn: str | None = None
    baseline_dataset_uri: str | None = None
    held_out_dataset_uri: str | None = None
    how: How = Field("deploy", description="What brought it: a new version, the way back, or an old one on purpose.")
    reason: str = Field("", description="In a person's or a decision's words.")

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def serving(deployments: Iterable[Deployment], window: Window) -> Deployment | None:
    """The deployment a window is judged by: the last one in service before the window's end.

    A window from before the first recorded deployment is judged by that first one: its model already served, only
    nobody wrote it down. So the answer for a closed window never changes when newer versions are deployed.
    """
    ordered = sorted(deployments, key=lambda deployment: (deployment.in_service_from, deployment.model_version))
    before = [deployment for deployment in ordered if deployment.in_service_from < window.end]
    return before[-1] if before else next(iter(ordered), None)


def history(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """The deployments that a rollback can go back through, the one that serves last.

    A rollback takes away what it went back from: after v1, v2, v3 and back to v2, the one before is v1, not v3.
    """
    stack: list[Deployment] = []
    for deployment in sorted(deployments, key=lambda found: (found.in_service_from, found.model_version)):
        versions = [found.model_version for found in stack]
        if deployment.how == "rollback" and deployment.model_version in versions:
            # From behind: of a version that was deployed twice, the later time is meant.
            del stack[len(versions) - versions[::-1].index(deployment.model_version) - 1 :]
        stack.append(deployment)
    return tuple(stack)


def previous(deployments: Iterable[Deployment]) -> Deployment | None:
    """The deployment that a rollback goes back to: the last of another version before the one that serves."""
    *before, serving_now = history(deployments) or (None,)
    others = [found for found in before if serving_now is not None and found.model_version != serving_now.model_version]
    return others[-1] if others else None
