"""What a window may be held against: the model version's learnt baseline, or windows that were judged before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from endpointwatch.config.section import Section
from endpointwatch.config.window import Window

WEEK = timedelta(weeks=1)


class FixedBaseline(Section):
    """The baseline that was learnt for the model version, from the data set it was trained on."""

    kind: Literal["fixed"] = "fixed"


class _EarlierWindows(Section):
    minimum_windows: int | None = Field(
        None, ge=1, description="With fewer usable earlier windows there is no sum; null: half of them, rounded up."
    )
    otherwise: Literal["fixed", "no_baseline"] = Field(
        "fixed", description="With too few: hold the window against the learnt baseline, or answer `NO_BASELINE`."
    )

    @property
    def count(self) -> int:
        """So many earlier windows are looked at."""
        raise NotImplementedError

    @property
    def least(self) -> int:
        """So many of them must be usable."""
        return self.minimum_windows or (self.count + 1) // 2

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.least > self.count:
            raise ValueError(f"minimum_windows ({self.least}) can never be reached with {self.count} earlier windows")
        return self


class RollingBaseline(_EarlierWindows):
    """Drift is measured against the sum of the windows right before: what is usual now, not what once was."""

    kind: Literal["rolling"] = "rolling"
    windows: int = Field(24, ge=1, le=1000, description="So many windows before this one are added up.")

    @property
    def count(self) -> int:
        return self.windows

    def earlier(self, window: Window) -> tuple[Window, ...]:
        """The windows that are added up for ``window``, the oldest first."""
        return tuple(window.shifted(-steps) for steps in range(self.windows, 0, -1))


class SameHourLastWeeksBaseline(_EarlierWindows):
    """Drift is measured against the sum of the same hours of the weeks before, so that days and nights differ."""

    kind: Literal["same_hour_last_weeks"] = "same_hour_last_weeks"
    weeks: int = Field(4, ge=1, le=520, description="The same weekday and hour of so many weeks before is added up.")

    @property
    def count(self) -> int:
        return self.weeks

    def earlier(self, window: Window) -> tuple[Window, ...]:
        """The windows that are added up for ``window``, the oldest first."""
        back = (number * WEEK for number in range(self.weeks, 0, -1))
        return tuple(Window.of(window.start - time, window.end - time) for time in back)


EarlierWindows = RollingBaseline | SameHourLastWeeksBaseline
HeldAgainst = Annotated[
    FixedBaseline | RollingBaseline | SameHourLastWeeksBaseline,
    Field(discriminator="kind"),
]
