"""How a model version takes another's place, what sends it back, and what is kept of those before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from endpointwatch.config.section import MonitorKind, Section, Share

Statistic = Literal["Average", "Sum", "Minimum", "Maximum", "SampleCount", "p50", "p90", "p95", "p99"]

#: SageMaker's own limits of a step, in percent of the fleet, by strategy.
STEP_LIMITS = {"canary": (1, 50), "linear": (10, 50), "rolling": (5, 50)}


class Step(Section):
    """A part of the fleet: a percentage, or so many instances."""

    percent: int | None = Field(None, ge=1, le=100, description="Of the fleet's capacity.")
    instances: int | None = Field(None, ge=1, description="So many instances, at most half of the fleet.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.percent is None) == (self.instances is None):
            raise ValueError("give either percent or instances")
        return self


class LatencyAlarm(Section):
    """Too slow: `ModelLatency` of the endpoint's variant, over one minute."""

    milliseconds: float = Field(5000, gt=0, description="The alarm fires above this.")
    statistic: Statistic = "p95"
    periods: int = Field(1, ge=1, le=10, description="So many minutes in a row.")


class ErrorAlarm(Section):
    """Too many answers of 500 and above: the share of the variant's invocations, over one minute.

    While a canary gets a tenth of the traffic and fails all of it, the share is 0.1.
    """

    share: float = Field(0.02, ge=0.0, lt=1.0, description="The alarm fires above this.")
    periods: int = Field(1, ge=1, le=10, description="So many minutes in a row.")


class RollbackAlarms(Section):
    """CloudWatch alarms any of which, while traffic shifts, makes SageMaker go back. Made before the update."""

    latency: LatencyAlarm | None = Field(LatencyAlarm(), description="Null: none on latency.")
    errors: ErrorAlarm | None = Field(ErrorAlarm(), description="Null: none on 5XX answers.")
    names: tuple[str, ...] = Field(
        (), description="More: alarms of this file's `alarms`, by their names there; or CloudWatch's, made elsewhere."
    )

    moved: ClassVar[Mapping[str, str]] = {
        "metrics": "Write the alarm under `alarms.metrics` (with `actions: []` if nothing but the way back should "
        "follow), and its name there under `deployment.rollback_alarms.names`.",
    }

    @property
    def count(self) -> int:
        return len(self.names) + (self.latency is not None) + (self.errors is not None)

    @model_validator(mode="after")
    def _as_many_as_sagemaker_takes(self) -> Self:
        if self.count > 10:  # noqa: PLR2004 - AutoRollbackConfiguration's own limit
            raise ValueError(f"there are {self.count} rollback alarms; SageMaker takes 10")
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} stands in `names` more than once")
        return self


class Shadow(Section):
    """Before the update, copies of the requests go to the new version, whose answers nobody gets."""

    seconds: int = Field(600, ge=1, le=86400, description="How long.")
    share: float = Field(1.0, gt=0.0, le=1.0, description="The share of the requests that is copied.")
    maximum_errors: Share = Field(0.01, description="A larger share of 5XX answers ends the deployment.")


class Probation(Section):
    """The first windows after a deployment: stricter limits, and the way back when they do not hold."""

    windows: int = Field(3, ge=1, le=168, description="So many windows, the first that began after the deployment.")
    violated: int = Field(1, ge=1, description="Violations in so many of them fail the version.")
    monitors: tuple[MonitorKind, ...] = Field((), description="Whose verdicts count; empty: all.")
    tightening: float = Field(
        0.8,
        gt=0.0,
        le=1.0,
        description="Drift is held against so much of each threshold; 1 changes nothing. Other limits stay.",
    )
    rollback: bool = Field(True, description="Return to the previous version; false only says so in the log.")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.violated > self.windows:
            raise ValueError(f"violated ({self.violated}) can never be reached in {self.windows} windows")
        return self


class DeploymentSettings(Section):
    """How `UpdateEndpoint` moves the traffic to a new model version, and what becomes of the versions before."""

    strategy: Literal["all_at_once", "canary", "linear", "rolling"] = Field(
        "all_at_once",
        description="A second fleet takes over at once, after a canary, or step by step; or instances are replaced in "
        "batches.",
    )
    step: Step = Field(
        Step(percent=10, instances=None),
        description="The canary, each linear step, or each rolling batch; unless said, 10 %.",
    )
    wait_seconds: int = Field(300, ge=0, le=3600, description="How long alarms are watched after each step.")
    termination_wait_seconds: int = Field(
        0, ge=0, le=3600, description="How long the old fleet is kept after all traffic has moved; not when rolling."
    )
    maximum_seconds: int | None = Field(
        None, ge=600, le=28800, description="SageMaker goes back when it takes longer; null: SageMaker's default."
    )
    rollback_alarms: RollbackAlarms = Field(
        RollbackAlarms(), description="Count while there is a wait in which they can be watched."
    )
    shadow: Shadow | None = Field(None, description="A shadow variant before the update; null: none.")
    probation: Probation | None = Field(None, description="The first windows of a new version; null: as all others.")
    keep_versions: int = Field(
        3, ge=1, le=100, description="So many versions before the one that serves keep model and configuration."
    )

    @property
    def watches(self) -> bool:
        """Whether there is a time in which alarms are watched."""
        waits = self.termination_wait_seconds > 0 and self.strategy != "rolling"
        return waits or (self.strategy != "all_at_once" and self.wait_seconds > 0)

    @property
    def longest_seconds(self) -> int:
        """How long an update takes at most by its own waits, without the time that machines need."""
        if self.maximum_seconds is not None:
            return self.maximum_seconds
        steps = {"all_at_once": 0, "canary": 1}.get(self.strategy, 100 // (self.step.percent or 5) + 1)
        return steps * self.wait_seconds + self.termination_wait_seconds

    @model_validator(mode="after")
    def _as_sagemaker_takes_it(self) -> Self:
        limits, percent = STEP_LIMITS.get(self.strategy), self.step.percent
        if limits is not None and percent is not None and not limits[0] <= percent <= limits[1]:
            raise ValueError(
                f"step.percent is {percent}; with strategy {self.strategy} SageMaker takes {limits[0]} to {limits[1]}"
            )
        if self.rollback_alarms.names and not self.watches:
            raise ValueError(
                "rollback_alarms.names would never be looked at: the update has no wait. Set wait_seconds with a "
                "canary, linear or rolling strategy, or termination_wait_seconds"
            )
        return self
