"""Decisions that the lender makes late: their labels come when the windows were judged long ago."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from endpointwatch.config.window import Window
from endpointwatch.reports.verdict import Verdict
from loanapp import traffic
from loanapp.results import QUALITY, Results
from loanapp.runs import DemoError, Runs
from loanapp.story import Hour, Story


@dataclass(frozen=True)
class LateLabels:
    """The labels of the story's late hours: before they come, and after.

    Attributes:
        results: What lies in the account.
        runs: Runs of Airflow's DAGs.
        story: Which hours are late.
        claim: Is told what must hold, whether it does, and in which words.
    """

    results: Results
    runs: Runs
    story: Story
    claim: Callable[[bool, str], None]

    @property
    def dag_id(self) -> str:
        return f"{self.results.endpoint.name}__labels"

    def check(self, hour: Hour, *, came: bool) -> Verdict:
        """The model-quality verdict on ``hour``, which is what it must be before or after the late labels came.

        Raises:
            DemoError: There is none.
        """
        verdict = self.results.verdict(hour.window, QUALITY)
        if verdict is None:
            raise DemoError(f"There is no {QUALITY} verdict on {hour.window}.")
        wanted = "VIOLATIONS" if hour.drifted else "OK"
        if hour.late and not came:
            wanted = "PROVISIONAL"
        labelled = len(hour.labelled_at_once) + (len(hour.labelled_late) if came else 0)
        share = labelled / len(hour.applications)
        text = (
            f"window {hour.window}: {QUALITY} is {verdict.status} with {verdict.label_coverage or 0:.0%} of its labels"
        )
        if verdict.status != wanted or verdict.label_coverage != share:
            self.claim(False, f"{text}, not {wanted} with {share:.0%}. {verdict.evidence}")
        elif hour.late:
            self.claim(True, text)
        return verdict

    def deliver(self) -> str:
        """Let the late labels become known in this hour; the run of the labels DAG that looks for them."""
        known_in = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        applications = [application for hour in self.story.late for application in hour.labelled_late]
        uri = str(self.results.endpoint.training_labels)
        traffic.deliver_labels(self.results.cloud, uri, known_in, applications, name="late-decisions")
        self.runs.reporter.say(f"{len(applications)} decisions came late; {self.dag_id} looks for them meanwhile")
        self.runs.api.unpause(self.dag_id)
        return str(self.runs.api.trigger(self.dag_id)["dag_run_id"])

    def judged_again(self, run_id: str) -> list[tuple[Hour, Verdict]]:
        """The late hours and their final verdicts, once the run has ended."""
        self.runs.finish(self.dag_id, run_id)
        found = []
        for hour in self.story.late:
            found.append((hour, self.check(hour, came=True)))
            folder = self.results.layout.window(QUALITY, hour.window)
            kept = len(self.results.cloud.keys(f"{folder}/judgements"))
            self.claim(kept > 1, f"{kept} judgements of it are kept, the provisional one among them")
            if hour.drifted:
                self.claim(self._decided_on(hour), "a decision has seen the violation that came to light so late")
        return found

    def _decided_on(self, hour: Hour) -> bool:
        return any(
            (seen["monitor"], seen["status"]) == (QUALITY, "VIOLATIONS")
            and Window.model_validate(seen["window"]) == hour.window
            for decision in self.results.decisions(hour.window)
            for seen in decision["evidence"]
        )
