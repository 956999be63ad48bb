"""Earlier windows in the place of the learnt baseline: their stored states add up to what is usual.

Only what is *usual* comes from them, that is the distributions that drift is measured against. What is *asked* of the
columns (types, completeness, known values) stays with the learnt baseline, where there is one: it says what the model
was made for, and a sum of windows would call a column complete that has been half empty since yesterday.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.held_against import EarlierWindows
from endpointwatch.config.window import Window
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports.stored import StoredWindow
from endpointwatch.reports.verdict import LeftOut, Reference, Verdict
from endpointwatch.states import Table
from endpointwatch.states.file import STATE_FILE


@dataclass(frozen=True, slots=True)
class Earlier:
    """The earlier windows that are used.

    Attributes:
        stored: They, the oldest first; empty where they are too few.
        state: The sum of their states.
        reference: The same for the verdict.
        note: The same for people.
    """

    stored: tuple[StoredWindow, ...]
    state: Table
    reference: Reference
    note: str

    def baseline(self, learnt: Baseline | None, settings: DataQuality) -> Baseline | None:
        """What the window is held against; ``learnt`` is what was learnt for the model version."""
        return against(self.state, learnt, settings) if self.stored else self.instead(learnt)

    def told(self, verdict: Verdict) -> Verdict:
        """The verdict that says what the window was held against."""
        update = {"reference": self.reference, "evidence": f"{verdict.evidence} {self.note}"}
        if verdict.status == "NO_BASELINE":
            update["remedy"] = "Wait until enough earlier windows are judged, or set `baseline.otherwise` to fixed."
        return verdict.model_copy(update=update)

    def instead(self, learnt: Baseline | None) -> Baseline | None:
        """What a window or a segment is held against for which there is no sum."""
        return learnt if self.reference.held_against != "nothing" else None

    def identity(self, learnt: str | None) -> str | None:
        """The id of what is held against: of the learnt one's id and of the bytes of every state that was added up."""
        if not self.stored:
            return learnt if self.reference.held_against == "learnt_baseline" else None
        digest = hashlib.sha256((learnt or "").encode())
        for one in self.stored:
            digest.update(f"\n{one.window.path} ".encode())
            digest.update(hashlib.sha256((one.folder / STATE_FILE).read_bytes()).hexdigest().encode())
        return digest.hexdigest()


def against(state: Table, learnt: Baseline | None, settings: DataQuality) -> Baseline:
    """The summed ``state`` as a baseline: its distributions, and the constraints of ``learnt`` where there are any."""
    constraints = learnt.constraints if learnt else data_quality.suggest(state, settings)
    return Baseline(constraints, statistics(state))


def earlier_windows(
    folder: Path,
    window: Window,
    asked: EarlierWindows,
    *,
    columns: tuple[str, ...],
    model_version: str,
    learnt: bool,
) -> Earlier:
    """The earlier windows that ``window`` is held against.

    Args:
        folder: The monitor's results, a folder a window; those that are missing are left out.
        window: The one that is judged.
        asked: Which windows, and how many at least.
        columns: What every one of them must have.
        model_version: What must have served in every one of them.
        learnt: Whether there is a learnt baseline to fall back on.

    Raises:
        WindowError: A state or verdict is there but cannot be read.
    """
    used: list[StoredWindow] = []
    left_out: list[LeftOut] = []
    total = Table()
    for one in asked.earlier(window):
        stored = StoredWindow(one, folder / one.path)
        found = _usable(stored, columns, model_version)
        if isinstance(found, str):
            left_out.append(LeftOut(window=one.path, reason=found))
            continue
        used.append(stored)
        total = total + found
    enough = len(used) >= asked.least
    fixed = learnt and asked.otherwise == "fixed"
    reference = Reference(
        kind=asked.kind,
        held_against="earlier_windows" if enough else "learnt_baseline" if fixed else "nothing",
        windows=tuple(one.window.path for one in used) if enough else (),
        rows=total.rows if enough else 0,
        left_out=tuple(left_out),
    )
    if enough:
        note = f"Held against the sum of {len(used)} of {asked.count} earlier windows ({total.rows} rows)."
        return Earlier(tuple(used), total, reference, note)
    instead = "held against the learnt baseline instead" if fixed else "held against nothing"
    note = f"Only {len(used)} of {asked.count} earlier windows can be used, {asked.least} are needed: {instead}."
    return Earlier((), Table(), reference, note)


def summed(stored: tuple[StoredWindow, ...], place: str) -> Table:
    """The sum of the states at ``place`` in the windows' folders, with the newest one's columns; empty without any.

    Raises:
        WindowError: One of them cannot be read.
    """
    found = (StoredWindow(one.window, one.folder / place).state() for one in stored)
    states = [state for state in found if state is not None and state.rows]
    if not states:
        return Table()
    names = states[-1].names
    fitting = (state.selected(names) for state in states if set(names) <= set(state.names))
    return sum(fitting, start=Table())


def _usable(stored: StoredWindow, columns: tuple[str, ...], model_version: str) -> Table | str:
    """The window's state of ``columns``, or why it is left out."""
    verdict, state = stored.verdict(), stored.state()
    if verdict is None or state is None:
        return "it has no verdict" if verdict is None else "it has no state"
    if verdict.model_version != model_version:
        return f"model version {verdict.model_version} served"
    if not state.rows:
        return "it has no rows"
    if lacking := [name for name in columns if name not in state.names]:
        return f"it has no columns {', '.join(lacking[:5])}"
    return state.selected(columns)
