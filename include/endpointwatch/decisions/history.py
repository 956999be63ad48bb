"""What was done: one small record an action, written when it starts and again when it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from endpointwatch.config.decision import Action
from endpointwatch.config.layout import Layout
from endpointwatch.config.notifications import Audience
from endpointwatch.config.window import Window
from endpointwatch.decisions.seen import Part

DAY: Final = timedelta(hours=24)
MONTH: Final = timedelta(days=31)


Seconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class ActionRecord(Part):
    """One action. ``id`` tells who did it apart: written again under the same id, it is the same action."""

    version: Literal["1"] = "1"
    endpoint: str
    action: Action
    id: str = Field(description="Of the run or task that carries it out.")
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = Field(None, description="None: under way, or nobody was left to say so.")
    outcome: str = ""
    decision: str = Field("", description="URI of the decision that asked for it; empty: a person did.")
    rule: str = Field("", description="Name of the rule that decided.")
    tell: tuple[Audience, ...] = Field((), description="Who was told.")
    window: Window | None = Field(None, description="The window that was decided on.")
    model_version: str | None = Field(None, description="The one that the action is about.")
    training_jobs: dict[str, Seconds] = Field(
        default_factory=dict, description="Training jobs that have ended, and the seconds that are paid for."
    )

    def ended(self, at: datetime, outcome: str, *, training_jobs: dict[str, float] | None = None) -> ActionRecord:
        """The same record with its end."""
        jobs = self.training_jobs if training_jobs is None else training_jobs
        told = {"ended_at": at, "outcome": outcome, "training_jobs": jobs}
        return ActionRecord.model_validate({**dict(self), **told})

    def seconds(self, longest: float) -> float:
        """What its training took, or may still take: until a job has ended, as long as one may run.

        Args:
            longest: That limit, in seconds.
        """
        return sum(self.training_jobs.values()) if self.training_jobs else longest

    def went_on_until(self, now: datetime, longest: float) -> datetime:
        """When it ended; of one that has not said so: now, or when it must have ended.

        Args:
            now: The time to look from.
            longest: What a training may take, in seconds.
        """
        if self.ended_at is not None:
            return max(self.started_at, self.ended_at)
        return max(self.started_at, min(now, self.started_at + timedelta(seconds=longest)))

    def uri(self, layout: Layout) -> str:
        """Where it is kept. The name follows from start, action and id, so that its end replaces its start."""
        return layout.action(self.started_at, self.action, hashlib.sha256(self.id.encode()).hexdigest()[:10])

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def of_action(history: Iterable[ActionRecord], action: Action) -> tuple[ActionRecord, ...]:
    """The records of one action, the oldest first."""
    return tuple(sorted((one for one in history if one.action == action), key=lambda one: (one.started_at, one.id)))


def same_day(one: datetime, other: datetime) -> bool:
    """Whether both lie on the same day in UTC."""
    return one.astimezone(UTC).date() == other.astimezone(UTC).date()
