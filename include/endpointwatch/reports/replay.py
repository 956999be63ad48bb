"""The outcome of a replay: what each window's answer was, and what it would have been."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch import __version__
from endpointwatch.config.replay import Changes, Span
from endpointwatch.config.window import Window
from endpointwatch.monitors.findings import Distance, Violation
from endpointwatch.reports.columns import in_columns
from endpointwatch.reports.verdict import Status

OFTEN = 5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Replayed(_Part):
    """One window, or several added up."""

    window: Window
    stored: int = Field(1, description="Windows on record that it is made of.")
    rows: int = 0
    model_version: str | None = Field(None, description="Whose baseline it is held against now.")
    statuses_then: tuple[Status, ...] = Field((), description="What the verdicts of its windows said, oldest first.")
    violations_then: int = 0
    now: Status | None = Field(None, description="What it would have been; null where no state is kept.")
    violations: tuple[Violation, ...] = ()
    drifted: tuple[Distance, ...] = Field((), description="The features that lie farthest from the baseline now.")
    note: str = ""

    @property
    def violated_then(self) -> bool:
        return "VIOLATIONS" in self.statuses_then

    @property
    def violated_now(self) -> bool:
        return self.now == "VIOLATIONS"


class Replay(_Part):
    """All windows of a replay, oldest first. A pure function of states, verdicts, baselines and changes."""

    version: Literal["1"] = "1"
    monitor: str
    changes: Changes
    span: Span = "stored"
    windows: tuple[Replayed, ...]
    analyzer_version: str = __version__

    def to_json(self) -> str:
        """The file's exact text: the same replay always gives the same bytes."""
        return self.model_dump_json(indent=2) + "\n"

    def summary(self) -> str:
        """One sentence with all counts, and the features that drift most often."""
        then = sum(one.violated_then for one in self.windows)
        now = sum(one.violated_now for one in self.windows)
        newly = sum(one.violated_now and not one.violated_then for one in self.windows)
        gone = sum(one.violated_then and not one.violated_now for one in self.windows)
        silent = sum(one.now is None for one in self.windows)
        text = f"{_spans(len(self.windows), self.span)}: {then} had violations, {now} would have"
        text += f" ({newly} newly, {gone} no longer)." if newly or gone else "."
        if silent:
            text += f" {silent} without a state could not be replayed."
        often = Counter(
            violation.feature_name
            for one in self.windows
            for violation in one.violations
            if violation.constraint_check_type == "baseline_drift_check"
        )
        # Equal counts by name: `most_common` would go by who came first.
        ranked = sorted(often.items(), key=lambda item: (-item[1], item[0]))[:OFTEN]
        if ranked:
            text += " Drifted most often: " + ", ".join(f"{name} ({count})" for name, count in ranked) + "."
        return text


def table(replay: Replay, *, changed_only: bool = False) -> str:
    """The replay for people: a line a window, and the summary.

    Args:
        replay: What to show.
        changed_only: Leave out the windows that have violations both then and now, or neither.
    """
    shown = [one for one in replay.windows if not changed_only or one.violated_then != one.violated_now]
    lines = [("window", "rows", "then", "now", "drifted most"), *map(_cells, shown)]
    return f"Replayed with {replay.changes}\n\n{in_columns(lines, right=('rows',))}\n\n{replay.summary()}\n"


def _cells(one: Replayed) -> tuple[str, ...]:
    now = "no state" if one.now is None else one.now
    count = f" {len(one.violations)}" if one.violations else ""
    far = ", ".join(f"{d.feature_name} {d.distance:.3g}" for d in one.drifted) or one.note
    return str(one.window), str(one.rows), _then(one), now + count, far


def _then(one: Replayed) -> str:
    if one.stored > 1:
        violated = one.statuses_then.count("VIOLATIONS")
        return f"VIOLATIONS in {violated} of {one.stored}" if violated else f"none in {one.stored}"
    count = f" {one.violations_then}" if one.violations_then else ""
    return (one.statuses_then[0] if one.statuses_then else "no verdict") + count


def _spans(count: int, span: Span) -> str:
    name = {"stored": "window", "day": "day", "week": "week"}[span]
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
