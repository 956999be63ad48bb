"""One endpoint, once round the whole loop, driven through Airflow's REST API as a user drives the web interface.

The same code is the demo and the end-to-end test: whatever it claims it has looked up in S3 or SageMaker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import HOUR, Window
from loanapp import history, traffic
from loanapp.cloud import Cloud, prepare
from loanapp.late_labels import LateLabels
from loanapp.progress import Reporter
from loanapp.results import BASELINE_FILES, MONITOR, QUALITY, Results
from loanapp.runs import DemoError, Json, Runs
from loanapp.story import Story
from loanapp.verdicts import Verdicts
from onemachine.airflow_api import AirflowApi

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the closing table; of a window also what each monitor said."""

    stage: str
    dag_run: str
    job: str
    location: str
    verdict: str
    said: tuple[str, ...] = ()


@dataclass
class Loop:
    """The loop's stages, in the order of :meth:`play`.

    Attributes:
        api: A session with Airflow.
        cloud: The account.
        endpoint: As its YAML declares it.
        story: Which applications come when.
        reporter: Where progress is shown.
        keep_going: Note a claim that does not hold and go on, instead of stopping at it.
        rows: The closing table, filled as the loop goes on.
        broken: Claims that did not hold.
    """

    api: AirflowApi
    cloud: Cloud
    endpoint: Endpoint
    story: Story
    reporter: Reporter
    keep_going: bool = False
    rows: list[Row] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runs = Runs(self.api, self.reporter)
        self.results = Results(self.cloud, self.endpoint)
        self.onboard, self.monitor, self.retrain = (
            f"{self.endpoint.name}__{kind}" for kind in ("onboard", "monitor", "retrain")
        )
        self.verdicts = Verdicts(self.results, self._claim)
        self.late = LateLabels(self.results, self.runs, self.story, self._claim)

    def play(self) -> None:
        """All of it.

        Raises:
            DemoError: A run failed or a claim does not hold.
            TrafficError, HistoryError: The endpoint did not do its part.
        """
        self.prepare()
        self.first_version()
        self.past()
        known = self.runs.ids(self.retrain), self.runs.ids(self.onboard)
        self.judge_the_past()
        self.answer(*known)
        self.afterwards()

    # The stages

    def prepare(self) -> None:
        """Buckets, role and first data set; the DAGs are there, and the windows wait for their data."""
        self.reporter.chapter("Preparing: bucket, role and the first data set; waiting for the DAGs")
        prepare(self.cloud, self.endpoint, self.story.initial)
        for dag_id in (self.onboard, self.monitor, self.retrain, self.late.dag_id):
            self.api.wait_for_dag(dag_id)
        # Unpaused now, the schedule would judge the last hour before anything has been laid into it.
        for dag_id in (self.monitor, self.late.dag_id):
            self.api.pause(dag_id)
        for dag_id in (self.onboard, self.retrain):
            self.api.unpause(dag_id)

    def first_version(self) -> None:
        """Train, evaluate, register and deploy the champion; its deployment triggers the onboarding."""
        self.reporter.chapter("The champion: train → evaluate → register → deploy → baseline")
        known = self.runs.ids(self.onboard)
        started = self.api.trigger(self.retrain)
        run = self.runs.finish(self.retrain, started["dag_run_id"])
        package = self.results.packages()[-1]
        version, config = self.results.live()
        self._claim(
            package["ModelApprovalStatus"] == "Approved", f"model package {package['ModelPackageVersion']} approved"
        )
        self._claim(version.endswith("-v1"), f"{version} serves {self.endpoint.name}, configuration {config}")
        self.rows.append(self._trained("train, deploy", run, package, version))
        self._onboarded(known, version)

    def past(self) -> None:
        """24 hours of traffic, really sent through the endpoint and laid into the past."""
        total = sum(len(hour.applications) for hour in self.story.hours)
        drifted = len(self.story.drifted)
        self.reporter.chapter(
            f"The past: {total} real applications through InvokeEndpoint, laid into {len(self.story.hours)} hours, "
            f"the last {drifted} from the new system"
        )
        with self.reporter.bar("applications", total) as advance:
            keys = history.make(self.cloud, self.endpoint, self.story.hours, done=advance)
        self.reporter.well(f"{total} requests answered and captured, {len(keys)} capture files laid into their hours")

    def judge_the_past(self) -> None:
        """Backfill a day of windows; violations in the drifted hours and nowhere else."""
        hours = self.story.hours
        self.reporter.chapter(f"Backfilling {len(hours)} hourly windows of {self.monitor}")
        self.api.unpause(self.monitor)
        first, last = hours[0].window.start, hours[-1].window.start
        # `completed`: a window that the schedule has just run, when the DAG was unpaused, is run again by the backfill.
        runs = self.runs.backfill(self.monitor, first, last, reprocess="completed", at_once=AT_ONCE)
        run_of = {datetime.fromisoformat(run["logical_date"]): run["dag_run_id"] for run in runs}
        self._claim(len(run_of) == len(hours), f"{len(run_of)} of {len(hours)} windows have a run that succeeded")
        for hour in hours:
            self.rows.append(self._judged(hour.window, run_of.get(hour.window.start, "")))
            self.verdicts.check(hour, came=False)
            self.late.check(hour, came=False)
        for sentence in self.verdicts.counted(hours):
            self.reporter.well(sentence)

    def answer(self, known_retrain: set[str], known_onboard: set[str]) -> None:
        """The decision has started a retraining: the challenger must win, be deployed, and get its own baseline."""
        self.reporter.chapter("The answer: the decision triggers a retraining on the new system's applications")
        started = self.runs.next_of(self.retrain, known_retrain, why="three windows in a row had violations")
        run = self.runs.finish(self.retrain, started["dag_run_id"])
        decision = str((run.get("conf") or {}).get("decision", ""))
        document = self.cloud.json(decision) if decision else None
        asked = document is not None and document["action"] == "retrain"
        self._claim(asked, f"decision {decision}: {_reason(document)}")
        packages = self.results.packages()
        self._claim(len(packages) == 2, f"{len(packages)} model packages in the registry")  # noqa: PLR2004
        package = packages[-1]
        metric = self.endpoint.training.metric if self.endpoint.training else ""
        figures = self.results.evaluation(package, metric)
        self._claim(
            figures.champion is not None and figures.challenger > figures.champion,
            f"{metric} on the same {figures.rows} rows: champion {figures.champion or math.nan:.3f}, "
            f"challenger {figures.challenger:.3f}",
        )
        version, config = self.results.live()
        self._claim(version.endswith("-v2"), f"{version} serves {self.endpoint.name}, configuration {config}")
        self._claim(len(self.results.configurations()) >= 2, "the first configuration is kept")  # noqa: PLR2004
        self.rows.append(Row("decision", "", "", decision, "retrain"))
        verdict = f"{metric} {figures.champion or math.nan:.3f} → {figures.challenger:.3f}, {version}"
        self.rows.append(self._trained("retrain, deploy", run, package, verdict))
        self._onboarded(known_onboard, version)

    def afterwards(self) -> None:
        """Late labels are in; meanwhile live traffic, judged by the new version's baseline in a window of its own."""
        self.reporter.chapter("Afterwards: late labels, live traffic of the new system, and one more window by hand")
        looking = self.late.deliver()
        served_from = self.results.deployments()[-1].in_service_from
        start = _full_second(served_from)
        with self.reporter.bar("applications", len(self.story.present)) as advance:
            traffic.invoke(self.cloud, self.endpoint.name, self.story.present, done=advance)
        end = _full_second(datetime.now(UTC))
        window = Window.of(start, max(end, start + HOUR / 3600))
        wanted = {application.inference_id for application in self.story.present}
        history.wait_for_captures(self.cloud, self.endpoint, wanted)
        form = {"window_start": window.start.isoformat(), "window_end": window.end.isoformat()}
        run = self.runs.finish(self.monitor, self.api.trigger(self.monitor, conf=form)["dag_run_id"])
        for hour, late in self.late.judged_again(looking):
            self.verdicts.check(hour, came=True)
            folder = self.results.layout.window(QUALITY, hour.window)
            job = self.results.processing_job(f"monitor-{hour.window.stamp}")
            said = self.verdicts.said(hour.window)
            self.rows.append(Row(f"labels of {hour.window.start:%d %H:%M}", looking, job, folder, late.status, said))
        version, _ = self.results.live()
        self.rows.append(self._judged(window, run["dag_run_id"]))
        self.verdicts.after(window, version)
        verdict = self.results.verdict(window)
        rows = verdict.rows.analysed if verdict else 0
        self._claim(rows == len(wanted), f"{rows} of {len(wanted)} applications in it")

    # What stages share

    def _onboarded(self, known: set[str], version: str) -> None:
        why = f"{version} was deployed"
        run = self.runs.finish(self.onboard, self.runs.next_of(self.onboard, known, why=why)["dag_run_id"])
        for monitor in self.results.monitors:
            folder = self.results.layout.baseline(version, monitor)
            if missing := self.results.missing(folder, BASELINE_FILES[monitor]):
                self._claim(False, f"baseline of {version} in {folder}, but no {missing}")
        folder = self.results.layout.baselines(version)
        self._claim(True, f"baselines of {', '.join(self.results.monitors)} for {version} in {folder}")
        self._claim(self.results.captures(), "data capture is on")
        recorded = {deployment.model_version for deployment in self.results.deployments()}
        self._claim(version in recorded, f"the deployment of {version} is on record")
        job = self.results.processing_job(f"baseline-{version}"[:40]) or self.results.processing_job("baseline")
        self.rows.append(Row("onboard, baseline", run["dag_run_id"], job, folder, version))

    def _trained(self, stage: str, run: Json, package: dict[str, Any], verdict: str) -> Row:
        artifact = str(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
        # The folder of the whole retraining: data set, model and evaluation lie side by side in it.
        folder = artifact.partition("/models/")[0]
        return Row(stage, run["dag_run_id"], self.results.training_job(package), folder, verdict)

    def _judged(self, window: Window, run_id: str) -> Row:
        said = self.verdicts.said(window)
        statuses = ", ".join(sorted({text.partition(" ")[0] for text in said}))
        # All monitors' files are in like folders; one has to stand for them.
        folder = self.results.layout.window(MONITOR, window)
        job = self.results.processing_job(f"monitor-{window.stamp}")
        return Row(f"window {window.start:%d %H:%M}", run_id, job, folder, statuses, said)

    def _claim(self, holds: bool, text: str) -> None:
        if holds:
            self.reporter.well(text)
            return
        self.reporter.wrong(text)
        self.broken.append(text)
        if not self.keep_going:
            raise DemoError(f"This does not hold: {text}")


def _full_second(moment: datetime) -> datetime:
    """The next full second, or ``moment`` itself when it is one."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp()), tz=UTC)


def _reason(document: Any) -> str:
    return str(document["reason"]) if document else "not found"
