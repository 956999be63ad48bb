"""Where everything about an endpoint lies in S3. One place builds these paths; nobody else joins strings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window

#: The folder of windows' merges with their labels, and below a window's that of the merged records.
MERGE, RECORDS = "merge", "records"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one endpoint below its ``results_uri`` (S3 URIs without a trailing slash)."""

    root: str

    @classmethod
    def of(cls, endpoint: Endpoint) -> Layout:
        return cls(f"{endpoint.results_uri}/{endpoint.name}")

    @staticmethod
    def window_folder(monitor: str, window: Window) -> str:
        """The window's folder relative to the root; a job writes below its output path just so."""
        return f"{monitor}/{window.path}"

    def monitor(self, monitor: str) -> str:
        """A monitor's windows, a folder each, ordered by their start."""
        return f"{self.root}/{monitor}"

    def window(self, monitor: str, window: Window) -> str:
        return f"{self.root}/{self.window_folder(monitor, window)}"

    def verdict(self, monitor: str, window: Window) -> str:
        return f"{self.window(monitor, window)}/verdict.json"

    @staticmethod
    def judgement_file(verdict: str) -> str:
        """Where a verdict that rests on labels is kept beside ``verdict.json``, relative to the window's folder.

        Named for its own text: the window's provisional and its final answer stand side by side, and the same labels
        give the same file however often it is judged.
        """
        return f"judgements/{hashlib.sha256(verdict.encode()).hexdigest()[:16]}.json"

    def open_windows(self) -> str:
        """The windows that waited for labels when it was last looked for labels."""
        return f"{self.root}/labels/open.json"

    def baselines(self, model_version: str) -> str:
        return f"{self.root}/baselines/{model_version}"

    def baseline(self, model_version: str, monitor: str) -> str:
        return f"{self.baselines(model_version)}/{monitor}"

    def decision(self, window: Window, evidence: str) -> str:
        """A decision is named for what it saw: other evidence is another decision and never rewrites this one."""
        return f"{self.root}/decisions/{window.path}/{evidence[:16]}.json"

    def notification(self, key: str) -> str:
        """Which channels have had the message of this key."""
        return f"{self.root}/notifications/{key}.json"

    def permission(self, window: Window, evidence: str, moment: datetime) -> str:
        """What the guards allowed of a decision at ``moment``: the clock has no place in the decision itself."""
        stamp = f"{moment.astimezone(UTC):%Y%m%dT%H%M%S%fZ}"
        return f"{self.actions()}/decisions/{window.path}/{evidence[:16]}/{stamp}.json"

    def actions(self) -> str:
        """What was done, a file an action below the day on which it began."""
        return f"{self.root}/actions"

    def action(self, started_at: datetime, action: str, name: str) -> str:
        return f"{self.actions()}/{started_at.astimezone(UTC):%Y/%m/%d/%H%M%S}-{action}-{name}.json"

    def actions_before(self, moment: datetime) -> str:
        """Sorts before every action that began at ``moment`` or later on its day, and behind all of earlier days."""
        return f"{self.actions()}/{moment.astimezone(UTC):%Y/%m/%d}"

    def incidents(self) -> str:
        return f"{self.root}/incidents"

    def incident(self, rule: str, first: Window) -> str:
        """An incident is named for the rule that counts its windows, and for the first of them."""
        return f"{self.incidents()}/{rule}/{first.path}.json"

    def retrainings(self) -> str:
        """One file per run of the retrain DAG: how it ended and why."""
        return f"{self.root}/retrainings"

    def retraining(self, run: str) -> str:
        return f"{self.retrainings()}/{run}.json"

    def deployments(self) -> str:
        """One file per deployment, so that a past window is judged by the version that served it."""
        return f"{self.root}/deployments"

    def deployment(self, stamp: str, model_version: str) -> str:
        return f"{self.deployments()}/{stamp}-{model_version}.json"

    def remediations(self) -> str:
        """One file for each thing done about an alarm."""
        return f"{self.root}/remediations"

    def monitoring_pause(self) -> str:
        """Until when windows are not judged, as an alarm or a decision asked; not there when none ever did."""
        return f"{self.remediations()}/monitoring_pause.json"

    def lease(self) -> str:
        """The files by which changes of the endpoint wait for one another."""
        return f"{self.root}/lease"

    @staticmethod
    def replay_folder(name: str) -> str:
        """A replay's folder relative to the root; a job writes below its output path just so."""
        return f"replays/{name}"

    def replay(self, name: str) -> str:
        return f"{self.root}/{self.replay_folder(name)}"

    def job(self, job_name: str) -> str:
        """What a job was told (plan, input manifest): names and times of runs live here, outside the results."""
        return f"{self.root}/jobs/{job_name}"


def capture_prefixes(endpoint: Endpoint, window: Window) -> tuple[str, ...]:  # noqa: ARG001 (layouts may come to differ)
    """Prefixes under which SageMaker puts the window's captures: one per clock hour, below every variant.

    SageMaker's layout is ``{destination}/{endpoint}/{variant}/{yyyy}/{mm}/{dd}/{hh}/``; a reader lists the endpoint's
    variants first, since an update may have renamed them.
    """
    return tuple(f"{hour:%Y/%m/%d/%H}/" for hour in window.hours())
