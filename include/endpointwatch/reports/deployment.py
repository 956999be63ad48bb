"""Which model version served when: one record per deployment, and the version a window is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from endpointwatch.config.window import Window


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
