"""What each monitor says about the story's windows, held against what it has to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from endpointwatch.config.window import Window
from endpointwatch.reports.verdict import Status, Verdict
from loanapp.results import QUALITY, RESULT_FILES, WAIT_FOR_LABELS, Results
from loanapp.story import Hour

EXPLAINED = 3


@dataclass(frozen=True)
class Verdicts:
    """Every monitor's verdicts, side by side.

    Attributes:
        results: What lies in the account.
        claim: Is told what must hold, whether it does, and in which words.
    """

    results: Results
    claim: Callable[[bool, str], None]

    def said(self, window: Window) -> tuple[str, ...]:
        """What each of the endpoint's monitors says about ``window``, in the order of its file, as a table shows it."""
        return tuple(_short(self.results.verdict(window, monitor)) for monitor in self.results.monitors)

    def check(self, hour: Hour, *, came: bool) -> None:
        """Each monitor says what it must about ``hour``, before or after the late labels came, and left all its files.

        Model quality is left to those who know how many labels there are.
        """
        for monitor in self.results.monitors:
            if monitor != QUALITY:
                self._check(hour, monitor, wanted(hour, monitor, came=came))

    def after(self, window: Window, version: str) -> None:
        """``window``, which has no labels yet, is quiet by the baselines of ``version``."""
        for monitor in self.results.monitors:
            due = "PROVISIONAL" if monitor in WAIT_FOR_LABELS else "OK"
            verdict = self.results.verdict(window, monitor)
            holds = verdict is not None and (verdict.status, verdict.model_version) == (due, version)
            self.claim(holds, f"window {window}: {monitor} is {_short(verdict)} by {version}'s baseline{why(verdict)}")

    def counted(self, hours: Iterable[Hour]) -> list[str]:
        """A sentence a monitor: how many windows got which verdict."""
        windows = [hour.window for hour in hours]
        sentences = []
        for monitor in self.results.monitors:
            found = (self.results.verdict(window, monitor) for window in windows)
            counts = Counter(verdict.status if verdict else "no verdict" for verdict in found)
            told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
            sentences.append(f"{monitor} of {len(windows)} windows: {told}")
        return sentences

    def _check(self, hour: Hour, monitor: str, due: Status) -> None:
        verdict = self.results.verdict(hour.window, monitor)
        if verdict is None or verdict.status != due:
            self.claim(False, f"window {hour.window}: {monitor} must be {due}, it is {_short(verdict)}{why(verdict)}")
            return
        folder = self.results.layout.window(monitor, hour.window)
        if missing := self.results.missing(folder, RESULT_FILES[monitor]):
            self.claim(False, f"window {hour.window}: {missing} missing in {folder}")


def wanted(hour: Hour, monitor: str, *, came: bool) -> Status:
    """What ``monitor`` has to say about ``hour``, before or after the late labels came."""
    if hour.late and not came and monitor in WAIT_FOR_LABELS:
        return "PROVISIONAL"
    return "VIOLATIONS" if hour.drifted else "OK"


def why(verdict: Verdict | None) -> str:
    """The first violations, else the evidence; empty for what is as it should be."""
    if verdict is None or verdict.status == "OK":
        return ""
    found = [f"{v.about}: {v.description}" for v in verdict.violations[:EXPLAINED]]
    return ". " + " ".join(found or [verdict.evidence])


def _short(verdict: Verdict | None) -> str:
    if verdict is None:
        return "-"
    return f"{verdict.status} ({len(verdict.violations)})" if verdict.violations else verdict.status
