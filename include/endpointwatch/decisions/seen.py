"""A verdict as a decision sees it, and what it counts for by a rule."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.config.data_quality import COLUMN_CHECKS
from endpointwatch.config.decision import Rule
from endpointwatch.config.window import Window
from endpointwatch.reports.verdict import Status, Verdict

#: Statuses of windows that no model should be trained on.
BROKEN: Final[frozenset[Status]] = frozenset({"SCHEMA_CHANGED", "ENCODING_MIXED", "CAPTURE_OFF", "CAPTURE_LAGGING"})


class Part(BaseModel):
    """A part of what is kept: frozen, and it refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Finding(Part):
    """That a check failed, and of which feature."""

    check: str
    feature: str | None = Field(None, description="None: it is about a metric, a facet or a label.")


class Seen(Part):
    """One verdict as the decision saw it."""

    window: Window
    monitor: str
    status: Status
    violations: int
    findings: tuple[Finding, ...] = Field((), description="Of the violations, each once; what rules count by.")
    model_version: str | None = None
    counted: bool = Field(description="Whether rules look at this verdict: it is about the version that is decided on.")

    @classmethod
    def of(cls, verdict: Verdict, *, counted: bool) -> Seen:
        found = {(one.constraint_check_type, one.feature_name) for one in verdict.violations}
        ordered = sorted(found, key=lambda one: (one[0], one[1] is not None, one[1] or ""))
        return cls(
            window=verdict.window,
            monitor=verdict.monitor,
            status=verdict.status,
            violations=len(verdict.violations),
            findings=tuple(Finding(check=check, feature=feature) for check, feature in ordered),
            model_version=verdict.model_version,
            counted=counted,
        )

    @property
    def broken(self) -> bool:
        """Whether something is wrong with the data itself, which no retraining mends."""
        return self.status in BROKEN or any(one.check in COLUMN_CHECKS for one in self.findings)


def points(seen: Seen, rule: Rule) -> float:
    """What one verdict counts for by ``rule``: the monitor's weight, times the points of the features it objects to.

    Violations that name no feature (of a metric, a facet, a label) make one point together. So does a status other than
    ``VIOLATIONS``, and a verdict that objects to nothing but a segment.
    """
    if (rule.monitors and seen.monitor not in rule.monitors) or seen.status not in rule.statuses:
        return 0.0
    weight = {str(kind): weight for kind, weight in rule.monitor_weights.items()}.get(seen.monitor, 1.0)
    return weight * (_of_features(seen, rule) if seen.status == "VIOLATIONS" else 1.0)


def _of_features(seen: Seen, rule: Rule) -> float:
    if not seen.findings and not (rule.checks or rule.features):
        return 1.0
    kept = [
        one
        for one in seen.findings
        if (not rule.checks or one.check in rule.checks) and (not rule.features or one.feature in rule.features)
    ]
    features = sorted({one.feature for one in kept if one.feature is not None})
    unnamed = 1.0 if any(one.feature is None for one in kept) else 0.0
    return math.fsum([unnamed, *(rule.feature_weights.get(name, 1.0) for name in features)])


def weigh(seen: Iterable[Seen], rule: Rule) -> float:
    """What the verdicts on one window count for together; 0 for a rule that retrains when its data is broken."""
    every = list(seen)
    if rule.action == "retrain" and any(one.broken for one in every):
        return 0.0
    return math.fsum(sorted(points(one, rule) for one in every))


def by_window(seen: Iterable[Seen]) -> Mapping[Window, list[Seen]]:
    """The verdicts on each window, the oldest window first."""
    found: dict[Window, list[Seen]] = defaultdict(list)
    for one in seen:
        found[one.window].append(one)
    return dict(sorted(found.items(), key=lambda item: (item[0].end, item[0].start)))


def ordered(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Each verdict once, the oldest window first: neither order nor repetition makes a difference."""
    found: dict[tuple[datetime, datetime, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        found[verdict.window.end, verdict.window.start, verdict.monitor].append(verdict)
    return [verdict for place in sorted(found) for verdict in _each_once(found[place])]


def _each_once(verdicts: list[Verdict]) -> list[Verdict]:
    if len(verdicts) == 1:
        return verdicts
    every = {verdict.to_json(): verdict for verdict in verdicts}
    return [every[text] for text in sorted(every)]
