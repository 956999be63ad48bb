"""Which applications come in which hour, and from which system. A pure function of an hour and a seed.

::

    anchor - 24 h                                    anchor - 3 h      anchor
    │ 21 hours: applications from the old system     │ 3 hours: new    │ afterwards: new, for as long as traffic goes on

No application is both in the data the champion is trained on and in the traffic. The hours of the new system share no
application with each other: a challenger trained on one part of their rows is judged on applicants it has never seen.
The hours of the old system draw from the same applicants, anew each hour.

What the lender decided is known at once, but for two hours, one of each system: there 31 % of the decisions are known
at first, and 97 % later.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from endpointwatch.config.window import HOUR, Window
from loanapp.applications import Applications, System

SEED = 1990
HOURS = 24
NEW_SYSTEM_HOURS = 3
ROWS = 250
#: Hours whose labels come late, by their place among all: one of the old system, and the new one's first.
LATE_HOURS = (18, 21)
KNOWN_AT_FIRST, KNOWN_LATER = 0.31, 0.97
INITIAL_ROWS = {"train": 420, "validation": 105, "test": 175}


@dataclass(frozen=True, slots=True)
class Application:
    """One application on its way to the endpoint.

    Attributes:
        inference_id: Says which applicant, and in which part of the story; never depends on the clock, so the rows that
            are set aside for judging are the same in every run of the demo.
        line: The features as CSV.
        label: The lender's decision, known afterwards.
    """

    inference_id: str
    line: str
    label: str


@dataclass(frozen=True, slots=True)
class Hour:
    """One past hour of traffic."""

    window: Window
    system: System
    applications: tuple[Application, ...]
    late: bool = False

    @property
    def labelled_at_once(self) -> tuple[Application, ...]:
        """Those whose label is known in the hour itself."""
        return self.applications[: self._known(KNOWN_AT_FIRST)] if self.late else self.applications

    @property
    def labelled_late(self) -> tuple[Application, ...]:
        """Those whose label comes much later; the rest never get one."""
        return self.applications[self._known(KNOWN_AT_FIRST) : self._known(KNOWN_LATER)] if self.late else ()

    def _known(self, share: float) -> int:
        return math.ceil(share * len(self.applications))

    @property
    def drifted(self) -> bool:
        return self.system is System.NEW


@dataclass(frozen=True, slots=True)
class Story:
    """The whole demo's data.

    Attributes:
        initial: The champion's data by part (train, validation, test): CSV files of the old system's applications.
        hours: The past, oldest first.
        present: Traffic after the retraining, from the new system.
    """

    initial: Mapping[str, str]
    hours: tuple[Hour, ...]
    present: tuple[Application, ...]

    @property
    def drifted(self) -> tuple[Hour, ...]:
        return tuple(hour for hour in self.hours if hour.drifted)

    @property
    def late(self) -> tuple[Hour, ...]:
        return tuple(hour for hour in self.hours if hour.late)


def tell(applications: Applications, anchor: datetime, *, seed: int = SEED, rows: int = ROWS) -> Story:
    """The story whose past ends at the full hour ``anchor``.

    Args:
        applications: All there are.
        anchor: A full hour in UTC.
        seed: Of every draw.
        rows: Applications an hour, and in the present.

    Raises:
        ValueError: ``anchor`` is not a full hour, or there are too few applications for so many rows.
    """
    if anchor.minute or anchor.second or anchor.microsecond:
        raise ValueError(f"anchor {anchor.isoformat()} is not a full hour; windows are clock hours")
    first = sum(INITIAL_ROWS.values())
    needed = first + (NEW_SYSTEM_HOURS + 1) * rows
    if needed > len(applications):
        raise ValueError(f"rows={rows} needs {needed} applications, there are {len(applications)}")
    order = list(range(len(applications)))
    random.Random(seed).shuffle(order)  # noqa: S311 -- a draw of rows that anyone can repeat
    pool = order[first:]
    first_new = HOURS - NEW_SYSTEM_HOURS

    def hour(index: int) -> Hour:
        system = System.NEW if index >= first_new else System.OLD
        if system is System.NEW:
            at = (index - first_new) * rows
            drawn = pool[at : at + rows]
        else:
            drawn = random.Random(f"{seed}-{index}").sample(pool, rows)  # noqa: S311 -- as above
        start = anchor - (HOURS - index) * HOUR
        window = Window.of(start, start + timedelta(hours=1))
        return Hour(window, system, _sent(applications, drawn, system, f"h{index:02d}"), index in LATE_HOURS)

    present = pool[NEW_SYSTEM_HOURS * rows : (NEW_SYSTEM_HOURS + 1) * rows]
    return Story(
        initial=_initial(applications, order),
        hours=tuple(hour(index) for index in range(HOURS)),
        present=_sent(applications, present, System.NEW, "now"),
    )


def _initial(applications: Applications, order: list[int]) -> dict[str, str]:
    parts, at = {}, 0
    for part, rows in INITIAL_ROWS.items():
        parts[part] = applications.csv(order[at : at + rows], System.OLD)
        at += rows
    return parts


def _sent(applications: Applications, rows: list[int], system: System, part: str) -> tuple[Application, ...]:
    lines, labels = applications.lines(rows, system), applications.labels(rows)
    return tuple(
        Application(f"loan-{part}-{row:04d}", line, label) for row, line, label in zip(rows, lines, labels, strict=True)
    )
