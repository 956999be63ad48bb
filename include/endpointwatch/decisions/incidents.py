"""Several windows that a rule counts are one incident: a pure function of verdicts, in whatever order they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from endpointwatch.config.decision import Incidents, Rule
from endpointwatch.config.notifications import Audience
from endpointwatch.config.window import Window
from endpointwatch.decisions.seen import Part, Seen, ordered, points, weigh
from endpointwatch.reports.verdict import Status, Verdict

#: Verdicts that are an answer: a window that has one, and counts by no rule, is quiet.
ANSWERS: Final[frozenset[Status]] = frozenset({"OK", "VIOLATIONS"})

State = Literal["counts", "quiet", "unknown"]


class Troubled(Part):
    """A window of an incident."""

    window: Window
    points: float
    verdicts: dict[str, Status] = Field(description="Of the monitors that object to it.")
    model_versions: tuple[str, ...] = ()


class Incident(Part):
    """Windows that a rule counts, with too few quiet ones between them to part them. It knows no clock.

    Attributes:
        closed_by: The quiet window that closed it; None: none has yet.
        lapses_at: From then on it is over even so: for so long nothing was heard of it.
    """

    version: Literal["1"] = "1"
    endpoint: str
    rule: str
    tell: tuple[Audience, ...] = ()
    windows: tuple[Troubled, ...]
    quiet_windows: int = Field(description="Since the last of its windows.")
    closed_by: Window | None = None
    lapses_at: datetime

    @property
    def first(self) -> Window:
        return self.windows[0].window

    @property
    def last(self) -> Window:
        return self.windows[-1].window

    def open_at(self, now: datetime) -> bool:
        """Whether it is still going on, as far as is known at ``now``."""
        return self.closed_by is None and now < self.lapses_at

    def spans(self, window: Window) -> bool:
        """Whether ``window`` lies between its first and its last, both included."""
        return self.first.start <= window.start and window.end <= self.last.end

    def reaches(self, window: Window) -> bool:
        """Whether another answer on ``window`` could change it."""
        if not _one_grid(self.first, window) or window.start < self.first.start or window.start >= self.lapses_at:
            return False
        return self.closed_by is None or window.start <= self.closed_by.start

    def to_json(self) -> str:
        """The file's exact text: the same verdicts always give the same bytes."""
        return self.model_dump_json(indent=2) + "\n"


def state_of(verdicts: Iterable[Verdict], rule: Rule) -> State:
    """Whether a window counts by a rule, is quiet, or says nothing (yet)."""
    seen = [Seen.of(verdict, counted=True) for verdict in verdicts]
    seen = [one for one in seen if not rule.monitors or one.monitor in rule.monitors]
    if weigh((one for one in seen if one.status != "PROVISIONAL"), rule) >= rule.threshold:
        return "counts"
    # Labels can still turn a provisional verdict into one that counts by rules on violations, or on missing labels.
    labels_matter = "LABELS_MISSING" in rule.statuses or ("VIOLATIONS" in rule.statuses and not rule.checks)
    if labels_matter and any(one.status == "PROVISIONAL" for one in seen):
        return "unknown"
    answers = ANSWERS if labels_matter else ANSWERS | {"PROVISIONAL"}
    return "quiet" if any(one.status in answers for one in seen) else "unknown"


def incidents_of(verdicts: Iterable[Verdict], rule: Rule, settings: Incidents) -> tuple[Incident, ...]:
    """All incidents that ``rule`` makes of the verdicts, the oldest first. Windows of other lengths are apart."""
    windows: dict[Window, list[Verdict]] = {}
    for verdict in ordered(verdicts):
        windows.setdefault(verdict.window, []).append(verdict)
    grids: dict[tuple[float, float], list[Window]] = {}
    for window in windows:
        grids.setdefault(_grid(window), []).append(window)
    found: list[Incident] = []
    for grid in grids.values():
        found += _of_grid(sorted(grid, key=lambda window: window.start), windows, rule, settings)
    return tuple(sorted(found, key=lambda one: (one.first.start, one.first.end)))


@dataclass
class _Course:
    """An incident while windows are gone over, oldest first."""

    windows: list[Troubled]
    lapses_at: datetime
    quiet: int = 0
    closed_by: Window | None = None


def _of_grid(
    order: Sequence[Window], windows: dict[Window, list[Verdict]], rule: Rule, settings: Incidents
) -> list[Incident]:
    courses: list[_Course] = []
    for window in order:
        state = state_of(windows[window], rule)
        course = courses[-1] if courses and _goes_on(courses[-1], window) else None
        if state == "counts":
            if course is None:
                courses.append(course := _Course([], window.end))
            course.windows.append(_troubled(windows[window], rule))
            course.quiet, course.lapses_at = 0, window.end + settings.lapse_windows * window.length
        elif state == "quiet" and course is not None:
            course.quiet += 1
            course.closed_by = window if course.quiet == settings.quiet_windows else None
    return [
        Incident(
            endpoint=windows[order[0]][0].endpoint,
            rule=rule.name,
            tell=rule.told,
            windows=tuple(course.windows),
            quiet_windows=course.quiet,
            closed_by=course.closed_by,
            lapses_at=course.lapses_at,
        )
        for course in courses
    ]


def _goes_on(course: _Course, window: Window) -> bool:
    return course.closed_by is None and window.start < course.lapses_at


def _troubled(verdicts: Sequence[Verdict], rule: Rule) -> Troubled:
    seen = [Seen.of(verdict, counted=True) for verdict in verdicts if verdict.status != "PROVISIONAL"]
    objecting = [one for one in seen if points(one, rule) > 0]
    return Troubled(
        window=verdicts[0].window,
        points=weigh(seen, rule),
        verdicts={one.monitor: one.status for one in objecting},
        model_versions=tuple(sorted({one.model_version for one in objecting if one.model_version})),
    )


def around(
    window: Window, read: Callable[[Window], Iterable[Verdict]], rule: Rule, settings: Incidents
) -> tuple[Verdict, ...]:
    """The verdicts that decide which incidents of ``rule`` the window belongs to: from before the first to their ends.

    Args:
        window: Whose surroundings to look at.
        read: The verdicts on a window; none when it was not judged.
        rule: Whose incidents are asked for.
        settings: The endpoint's ``decision.incidents``.
    """
    found = [tuple(read(window))]
    for step in (-1, 1):
        quiet = silent = place = 0
        # Beyond so many windows without trouble no incident reaches.
        while quiet < settings.quiet_windows and silent < settings.lapse_windows:
            place += step
            verdicts = tuple(read(window.shifted(place)))
            found.append(verdicts)
            state = state_of(verdicts, rule)
            quiet, silent = (0, 0) if state == "counts" else (quiet + (state == "quiet"), silent + 1)
    return tuple(verdict for verdicts in found for verdict in verdicts)


def containing(incidents: Iterable[Incident], windows: Iterable[Window]) -> Incident | None:
    """The latest of the incidents that one of ``windows`` belongs to."""
    wanted = list(windows)
    held = [one for one in incidents if any(one.spans(window) for window in wanted)]
    return max(held, key=lambda one: (one.last.end, one.first.start), default=None)


def _grid(window: Window) -> tuple[float, float]:
    length = window.length.total_seconds()
    return length, window.start.timestamp() % length


def _one_grid(one: Window, other: Window) -> bool:
    return _grid(one) == _grid(other)
