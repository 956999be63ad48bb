"""Spans of the week in which nothing is started, as the endpoint's file writes them: ``Sat 22:00-06:00``, in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Annotated, Final

from pydantic import AfterValidator, Field

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MIDNIGHT: Final = time()
_TEXT: Final = re.compile(
    r"(?:(?P<days>[A-Za-z,-]+))?\s*(?:(?P<start>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2}))?",
)
_HINT: Final = "Write a time range, days, or both, in UTC: '22:00-06:00', 'Sat,Sun', 'Mon-Fri 08:00-18:00'"


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        places = [DAYS.index(name.capitalize()) for name in (first, last or first) if name.capitalize() in DAYS]
        if len(places) != 2:  # noqa: PLR2004 (a first and a last day)
            raise ValueError(f"{part!r} names no day of {', '.join(DAYS)}. {_HINT}")
        # Fri-Mon goes over the week's end.
        found |= {(places[0] + step) % 7 for step in range((places[1] - places[0]) % 7 + 1)}
    return frozenset(found)


def _time(text: str) -> time:
    hour, minute = (int(part) for part in text.split(":"))
    return MIDNIGHT if (hour, minute) == (24, 0) else time(hour, minute)


def _parsed(text: str) -> tuple[frozenset[int], time, time]:
    match = _TEXT.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no span of the week. {_HINT}")
    days = _days(match["days"]) if match["days"] else frozenset(range(7))
    if match["start"] is None:
        return days, MIDNIGHT, MIDNIGHT
    try:
        start, end = _time(match["start"]), _time(match["end"])
    except ValueError as error:
        raise ValueError(f"{text!r} has a time that no clock shows ({error}). {_HINT}") from error
    if start == end != MIDNIGHT:
        raise ValueError(f"{text!r} begins and ends at the same time. Leave the times out for whole days. {_HINT}")
    return days, start, end


def _checked(text: str) -> str:
    _parsed(text)
    return text


QuietSpan = Annotated[str, AfterValidator(_checked), Field(examples=["Sat,Sun", "22:00-06:00", "Mon-Fri 08:00-18:00"])]


def quiet(spans: Iterable[str], moment: datetime) -> str | None:
    """The first of ``spans`` that ``moment`` lies in; None when it lies in none.

    A span over midnight (``22:00-06:00``) belongs to the day on which it begins: ``Fri 22:00-06:00`` ends on Saturday.
    The start is part of the span, the end is not.
    """
    moment = moment.astimezone(UTC)
    today, now = moment.weekday(), moment.time()
    for span in spans:
        days, start, end = _parsed(span)
        if start < end:
            inside = today in days and start <= now < end
        else:
            inside = (today in days and now >= start) or ((today - 1) % 7 in days and now < end)
        if inside:
            return span
    return None
