"""The window: the span of time that one verdict is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from endpointwatch.errors import WindowError

HOUR = timedelta(hours=1)
_PATH = re.compile(
    r"(?P<hour>\d{4}/\d{2}/\d{2}/\d{2})"
    r"(?:-(?P<minute>\d{2})(?P<second>\d{2})?-(?P<length>\d{1,9})(?P<unit>[ms]))?"
)


class Window(BaseModel):
    """A half-open span of time ``[start, end)`` in UTC, to the second.

    A window comes from the run (its data interval, or the form a person filled in), never from the clock: the same
    window gives the same files however often and in whatever order it is run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: datetime
    end: datetime

    @field_validator("start", "end")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; write it in UTC, as 2026-03-01T14:00:00Z")
        return value.astimezone(UTC).replace(microsecond=0)

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"the window ends at {self.end.isoformat()}, not after its start {self.start.isoformat()}")
        return self

    @classmethod
    def of(cls, start: datetime, end: datetime) -> Self:
        """The window from ``start`` to ``end``.

        Raises:
            WindowError: A time has no zone, or the window is empty.
        """
        try:
            return cls(start=start, end=end)
        except ValueError as error:
            raise WindowError(str(error)) from error

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def path(self) -> str:
        """The window's folder below a monitor's: ``2026/03/01/14``, named for the hour it starts in.

        A window that is not one whole clock hour says so (``2026/03/01/14-00-1440m``: from 14:00, 1,440 minutes), so
        that a day and its first hour do not overwrite each other.
        """
        hour = f"{self.start:%Y/%m/%d/%H}"
        if self.length == HOUR and self.start.minute == 0 and self.start.second == 0:
            return hour
        seconds = int(self.length.total_seconds())
        span = f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"
        return f"{hour}-{self.start:%M}{f'{self.start:%S}' if self.start.second else ''}-{span}"

    @classmethod
    def at(cls, path: str) -> Self | None:
        """The window whose :attr:`path` this is; None when it is no window's."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        parts = match.groupdict()
        try:
            hour = datetime.strptime(parts["hour"], "%Y/%m/%d/%H").replace(tzinfo=UTC)
        except ValueError:
            return None
        start = hour + timedelta(minutes=int(parts["minute"] or 0), seconds=int(parts["second"] or 0))
        unit = {"m": timedelta(minutes=1), "s": timedelta(seconds=1), None: HOUR}[parts["unit"]]
        length = int(parts["length"] or 1) * unit
        return cls.of(start, start + length) if length else None

    @property
    def stamp(self) -> str:
        """The start in a form that fits into SageMaker's names: ``202603011400``."""
        return f"{self.start:%Y%m%d%H%M}"

    def hours(self) -> Iterator[datetime]:
        """Every clock hour that the window touches: data capture keeps one folder an hour."""
        hour = self.start.replace(minute=0, second=0)
        while hour < self.end:
            yield hour
            hour += HOUR

    def shifted(self, steps: int) -> Window:
        """The window ``steps`` lengths later (earlier when negative)."""
        return Window(start=self.start + steps * self.length, end=self.end + steps * self.length)

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%M:%SZ}/{self.end:%Y-%m-%dT%H:%M:%SZ}"
