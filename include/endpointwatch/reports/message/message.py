"""The parts of a message."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.config.notifications import Audience, Severity


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(_Part):
    """Where to read on."""

    title: str
    uri: str

    @property
    def opens(self) -> bool:
        """Whether a browser can open it: not so a page of the project's own, or an object in S3."""
        return self.uri.startswith(("https://", "http://"))


def number(value: float) -> str:
    """Four digits that matter; thousands without an exponent: ``0.4817``, ``41,000``."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"  # noqa: PLR2004 - digits that people read


class Figure(_Part):
    """One number of the window beside what it is held against."""

    about: str = Field(description="A feature, a metric; a metric of a group of people.")
    measure: str = Field("", description="What `current` and `baseline` count: `mean`, `share of 'A'`.")
    current: float | None = None
    baseline: float | None = None
    distance: float | None = Field(None, description="What decides, where `current` is not held against the limit.")
    limit: float | None = None

    def __str__(self) -> str:
        parts = []
        if self.current is not None:
            parts.append(f"{self.measure} {number(self.current)}".strip())
        if self.baseline is not None:
            parts.append(f"baseline {number(self.baseline)}")
        if self.distance is not None:
            parts.append(f"distance {number(self.distance)}")
        if self.limit is not None:
            parts.append(f"limit {number(self.limit)}")
        return f"{self.about}: {', '.join(parts)}"


class Message(_Part):
    """What happened, since when, how much, why, what was done, what to do next, and where to read on."""

    version: Literal["1"] = "1"
    key: str = Field(description="The same for the same matter: nobody is told it twice by one channel.")
    severity: Severity
    audiences: tuple[Audience, ...] = Field(min_length=1)
    owner: str = Field(description="Their names.")
    endpoint: str
    model_version: str | None = None
    cause: str = Field(description="One word of the likely cause, to filter by.")
    title: str
    happened: tuple[str, ...]
    since: datetime | None = None
    figures: tuple[Figure, ...] = ()
    likely_cause: str
    done: str
    next_steps: tuple[str, ...] = Field(min_length=1)
    runbook: Link
    links: tuple[Link, ...] = ()
