"""Judge windows again from their stored states: other thresholds, methods or constraints, and no raw data."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.layout import Layout
from endpointwatch.config.replay import Changes, Span
from endpointwatch.config.window import Window
from endpointwatch.errors import PlanError
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.cores import cores
from endpointwatch.jobs.monitor import declared
from endpointwatch.jobs.plan import BASELINE_PATH, OUTPUT_PATH, STATES_PATH, ReplayPlan
from endpointwatch.jobs.spread import spread
from endpointwatch.jobs.tables import read_baseline
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.findings import Findings, most_drifted
from endpointwatch.reports import files
from endpointwatch.reports.judgement import outcome
from endpointwatch.reports.replay import Replay, Replayed, table
from endpointwatch.reports.stored import StoredWindow, stored_windows
from endpointwatch.states import Table

# Below so many windows, starting a second process costs more than it saves.
WORTH_A_PROCESS = 400
CHUNK = 32
PROGRESS = 1000
_DAY = timedelta(days=1)
_Group = tuple[Window, tuple[StoredWindow, ...]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Baselines:
    """What windows are held against: one baseline for all, or for each window that of its model version.

    Attributes:
        constraints: A constraints file for all windows.
        statistics: The statistics file that goes with it; without it nothing is compared for drift.
        folder: The folder of all versions' baselines, ``<version>/<monitor>/``; used when there is no ``constraints``.
    """

    constraints: Path | None = None
    statistics: Path | None = None
    folder: Path | None = None

    def of(self, model_version: str | None, changes: Changes) -> Baseline | None:
        """The baseline for a window that ``model_version`` served, under other settings.

        Raises:
            BaselineError: It is there but cannot be read.
        """
        if self.constraints is not None:
            return _changed(self.constraints, self.statistics, changes)
        if self.folder is None or model_version is None:
            return None
        place = self.folder / model_version / data_quality.NAME
        constraints = place / files.CONSTRAINTS
        return _changed(constraints, place / files.STATISTICS, changes) if constraints.is_file() else None


@lru_cache(maxsize=64)
def _changed(constraints: Path, statistics: Path | None, changes: Changes) -> Baseline:
    # Kept, because the reading of its statistics hangs on it: once a baseline, not once a window.
    baseline = read_baseline(constraints, statistics)
    config = baseline.constraints.monitoring_config.overridden(changes.overrides())
    return Baseline(baseline.constraints.model_copy(update={"monitoring_config": config}), baseline.statistics)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges one group of windows after the other; small enough to be sent to another process."""

    baselines: Baselines
    settings: DataQuality
    changes: Changes

    def all(self, groups: Sequence[_Group]) -> tuple[Replayed, ...]:
        return tuple(map(self.one, groups))

    def one(self, group: _Group) -> Replayed:
        window, stored = group
        verdicts = [verdict for one in stored if (verdict := one.verdict()) is not None]
        states = [state for one in stored if (state := one.state()) is not None]
        # A longer window is judged as any window is: by the version that served at its end.
        version = next((verdict.model_version for verdict in reversed(verdicts) if verdict.model_version), None)
        then = Replayed(
            window=window,
            stored=len(stored),
            model_version=version,
            statuses_then=tuple(verdict.status for verdict in verdicts),
            violations_then=sum(len(verdict.violations) for verdict in verdicts),
        )
        if not states:
            return then.model_copy(update={"note": verdicts[-1].evidence if verdicts else ""})
        if "ENCODING_MIXED" in then.statuses_then and len(stored) == 1:
            # What is wrong is the captured data; no threshold changes that.
            return then.model_copy(update={"now": "ENCODING_MIXED", "rows": states[0].rows})
        try:
            state = sum(states[1:], start=states[0])
        except ValueError as error:
            return then.model_copy(update={"now": "SCHEMA_CHANGED", "note": str(error)})
        return self._judged(then, state)

    def _judged(self, then: Replayed, state: Table) -> Replayed:
        baseline = self.baselines.of(then.model_version, self.changes)
        if not state.rows:
            return then.model_copy(update={"now": "NO_DATA"})
        findings: Findings | None = None
        if baseline is not None:
            named = _named(state, baseline.names)
            findings = data_quality.check(named, baseline, self.settings, drifted_only=True)
        now = outcome(state.rows, findings, minimum_rows=self.settings.minimum_rows)
        told = findings if findings is not None and now in ("OK", "VIOLATIONS", "SCHEMA_CHANGED") else Findings()
        return then.model_copy(
            update={
                "rows": state.rows,
                "now": now,
                "violations": told.violations,
                "drifted": most_drifted(told.distances),
                "note": told.violations[0].description if told.violations else "",
            }
        )


def _named(state: Table, names: tuple[str, ...]) -> Table:
    # A window from before the first baseline has columns without names; the baseline's fit by position, as in a job.
    unnamed = state.names == tuple(f"_c{place}" for place in range(len(state.names)))
    return state.renamed(names) if unnamed and len(names) == len(state.names) else state


def replay(
    stored: Sequence[StoredWindow],
    baselines: Baselines,
    settings: DataQuality,
    changes: Changes,
    *,
    span: Span = "stored",
    workers: int = 1,
) -> Replay:
    """Judge ``stored`` windows again.

    Args:
        stored: The windows, oldest first.
        baselines: What they are held against.
        settings: The monitor's settings, as they were.
        changes: What is different now.
        span: Whether windows are added up by UTC day or ISO week before they are judged.
        workers: Processes to share the work between, this one among them; the result does not depend on it.

    Raises:
        PlanError: The changes exclude each other.
        BaselineError: A baseline cannot be read.
        WindowError: A state or verdict cannot be read.
    """
    try:
        judge = _Judge(baselines, changes.settings(settings), changes)
    except ValueError as error:
        raise PlanError(f"The replay's settings exclude each other: {error}") from error
    groups = list(_groups(stored, span))
    windows = tuple(_progress(_mapped(judge, groups, workers if len(stored) > WORTH_A_PROCESS else 1), len(groups)))
    return Replay(monitor=data_quality.NAME, changes=changes, span=span, windows=windows)


def _mapped(judge: _Judge, groups: Sequence[_Group], workers: int) -> Iterator[Replayed]:
    size = max(1, min(CHUNK, len(groups) // workers))
    chunks = (groups[start : start + size] for start in range(0, len(groups), size))
    for replayed in spread(judge.all, chunks, workers - 1):
        yield from replayed


def _progress(windows: Iterator[Replayed], total: int) -> Iterator[Replayed]:
    for number, one in enumerate(windows, start=1):
        if number % PROGRESS == 0:
            _log.info("%d of %d windows replayed", number, total)
        yield one


def _groups(stored: Sequence[StoredWindow], span: Span) -> Iterator[_Group]:
    if span == "stored":
        yield from ((one.window, (one,)) for one in stored)
        return
    days = {"day": 1, "week": 7}[span]
    by_start = sorted(stored, key=lambda one: (one.window.start, one.window.end))
    for start, group in groupby(by_start, key=lambda one: _begin(one.window, span)):
        whole = Window.of(start, start + days * _DAY)
        if parts := tuple(_side_by_side(group, whole)):
            yield whole, parts


def _begin(window: Window, span: Span) -> datetime:
    midnight = window.start.replace(hour=0, minute=0, second=0)
    return midnight - window.start.weekday() * _DAY if span == "week" else midnight


def _side_by_side(group: Iterable[StoredWindow], whole: Window) -> Iterator[StoredWindow]:
    """The windows that lie within the span and do not overlap: no row may count twice."""
    end = whole.start
    for one in group:
        if end <= one.window.start and one.window.end <= whole.end:
            end = one.window.end
            yield one
        else:
            _log.warning("%s is left out: it overlaps another window, or reaches beyond %s", one.window, whole)


def run(plan: ReplayPlan, container: Container) -> None:
    """Write ``replays/<name>/`` with ``replay.json`` and the same as a table, ``replay.txt``.

    Raises:
        PlanError: The plan names a monitor that is not declared or cannot be replayed, or settings that exclude each
            other.
        BaselineError: A baseline cannot be read.
        WindowError: A state or verdict cannot be read, or there is none.
    """
    settings = declared(plan.endpoint, plan.monitor)
    if not isinstance(settings, DataQuality):
        raise PlanError(f"Windows of {plan.monitor} cannot be replayed; this version replays {data_quality.NAME} only.")
    folder = container.path(BASELINE_PATH)
    baselines = Baselines(folder=folder)
    if plan.one_baseline:
        statistics = folder / files.STATISTICS
        baselines = Baselines(folder / files.CONSTRAINTS, statistics if statistics.is_file() else None)
    stored = stored_windows(container.path(STATES_PATH))
    replayed = replay(stored, baselines, settings, plan.changes, span=plan.span, workers=cores())
    place = container.path(OUTPUT_PATH) / Layout.replay_folder(plan.name)
    files.write_text(place / files.REPLAY, replayed.to_json())
    files.write_text(place / files.REPLAY_TABLE, table(replayed))
    _log.info("%s", replayed.summary())
