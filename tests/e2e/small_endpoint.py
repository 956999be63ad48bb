"""An endpoint of an end-to-end test's own: declared by a file, small enough to be trained and judged in seconds.

Windows of the past are laid by hand, with the answers that the model that serves really gives; windows of the present
are asked for through ``InvokeEndpoint``. Nothing runs by schedule: a test starts each window's run with the form.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from applicants import FEATURES, LABEL, Person, people, table
from clients import Clients, ask, asking, runtime

from endpointwatch.capture.marks import OWN_TRAFFIC
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.loader import load
from endpointwatch.config.window import Window
from endpointwatch.decisions import ActionRecord, Decision, Permission
from loanapp.cloud import Cloud, prepare, split
from loanapp.progress import Reporter
from loanapp.results import Results
from loanapp.runs import Runs
from onemachine.airflow_api import AirflowApi
from onemachine.settings import Settings
from onemachine.stack import Stack

Json = dict[str, Any]
BUCKET = "small-endpoints"
#: DAG files parsed anew for a new endpoint; a DAG of another endpoint in the same file finds each.
PIPELINES = ("monitor", "retrain", "onboard", "rollback")
PARSED_BY = "loan-approval"
ROWS = 240
PATIENCE = 900.0
THINKING_SECONDS = 6.0
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed"})
DEFAULT_ALARMS = ("model_latency", "errors_5xx", "disk_utilization", "no_invocations")
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def document(name: str, **sections: Any) -> Json:
    """An endpoint's file as a mapping; ``sections`` stand beside, or in place of, what all such endpoints have."""
    home = f"s3://{BUCKET}"
    return {
        "name": name,
        "aws": {"region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
        "results_uri": f"{home}/results",
        "capture": {"destination_uri": f"{home}/capture", "settle_seconds": 2},
        # Once a year, and not since this year began: an unpaused DAG starts no window of its own.
        "schedule": {"cron": "0 0 1 1 *", "start_date": f"{datetime.now(UTC):%Y-%m-%d}"},
        "job": {"image_uri": f"{ECR}/endpointwatch-analyzer:0.1.0"},
        # Of a few hundred rows some differ by chance; what a test lets drift does so by far more.
        "monitors": [{"kind": "data_quality", "distribution_constraints": {"comparison_threshold": 0.3}}],
        "decision": {"violations": 1, "windows": 1, "action": "retrain"},
        "alarms": {"metrics": {alarm: {"enabled": False} for alarm in DEFAULT_ALARMS}},
        "training": {
            "image_uri": f"{ECR}/endpointwatch-sklearn:0.1.0",
            "hyperparameters": {"estimator": "logistic_regression"},
            "initial_dataset_uri": f"{home}/{name}/initial/",
            "artifacts_uri": f"{home}/artifacts",
            "ground_truth_uri": f"{home}/{name}/ground-truth",
            "model_package_group": name,
            "minimum_gain": 0.05,
            "minimum_rows": 100,
            "label": LABEL,
            "features": list(FEATURES),
        },
        **sections,
    }


@dataclass
class SmallEndpoint:
    """One such endpoint in a running stack.

    Attributes:
        airflow: A session with Airflow.
        cloud: The account.
        endpoint: As its file declares it.
        file: That file.
    """

    airflow: AirflowApi
    cloud: Cloud
    endpoint: Endpoint
    file: Path

    @classmethod
    def declare(cls, stack: Stack, settings: Settings, name: str, **sections: Any) -> SmallEndpoint:
        """Write the endpoint's file and what it needs in the account; its DAGs come with :meth:`ready`."""
        file = settings.endpoints / f"{name}.yaml"
        # Airflow may read the folder at any moment: the file is there whole, or not at all.
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(yaml.safe_dump(document(name, **sections)))
        unfinished.rename(file)
        made = cls(AirflowApi(stack.airflow_url, stack.login), Cloud(stack.environment), load(file), file)
        parts = {part: table(people(seed, rows)) for seed, part, rows in _INITIAL}
        prepare(made.cloud, made.endpoint, parts)
        return made

    @property
    def name(self) -> str:
        return self.endpoint.name

    @cached_property
    def runs(self) -> Runs:
        return Runs(self.airflow, Reporter.plain())

    @cached_property
    def results(self) -> Results:
        return Results(self.cloud, self.endpoint)

    def dag(self, pipeline: str) -> str:
        return f"{self.name}__{pipeline}"

    def ready(self) -> None:
        """Wait for the DAGs and unpause them; :func:`parse_again` makes that short."""
        for pipeline in PIPELINES:
            self.airflow.wait_for_dag(self.dag(pipeline), seconds=PATIENCE)
            self.airflow.unpause(self.dag(pipeline))

    def first_version(self) -> None:
        """Train and deploy the first version on the initial data set, and have it onboarded."""
        known = self.runs.ids(self.dag("onboard"))
        run_id = self.airflow.trigger(self.dag("retrain"))["dag_run_id"]
        if self.endpoint.approval.by == "person":
            self.asks(run_id)
            self.answer(run_id, "Approve", "the first version")
        self.finish("retrain", run_id)
        self.onboarded(known)

    def onboarded(self, known: set[str]) -> Json:
        """The onboard run that a deployment has started, ended in success."""
        found = self.runs.next_of(self.dag("onboard"), known, why="a version was deployed")
        return self.finish("onboard", found["dag_run_id"])

    def remove(self) -> None:
        """Take the endpoint and its file away, so that other tests do not meet them."""
        self.file.unlink(missing_ok=True)
        for pipeline in PIPELINES:
            self.airflow.pause(self.dag(pipeline))
        if self.cloud.sagemaker.list_endpoints(NameContains=self.name)["Endpoints"]:
            self.cloud.sagemaker.delete_endpoint(EndpointName=self.name)
            self.cloud.sagemaker.get_waiter("endpoint_deleted").wait(
                EndpointName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )
        self.airflow.close()

    # Traffic

    @contextmanager
    def clients(self, *, every: float = 0.4) -> Iterator[Clients]:
        """Clients that ask without a break, in the background."""
        with asking(self.cloud.variables, self.name, every=every) as met:
            yield met

    def past(self, hours: int) -> Window:
        """The clock hour that ended ``hours`` hours before the present one began."""
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours + 1)
        return Window.of(start, start + timedelta(hours=1))

    def lay(self, window: Window, someone: Sequence[Person], *, width: int | None = None) -> None:
        """Put captures of ``someone``, with the answers of the model that serves, and their labels into a past window.

        Args:
            window: The window; what it held before is replaced.
            someone: One request each.
            width: Only so many cells of each row are captured, as if the callers had changed their rows.
        """
        client = runtime(self.cloud.variables)
        body = "\n".join(one.line for one in someone)
        scores = ask(client, self.name, body, f"{OWN_TRAFFIC}for-{window.stamp}").splitlines()
        step = window.length / len(someone)
        lines, labels = [], []
        for number, (one, score) in enumerate(zip(someone, scores, strict=True)):
            name = f"{self.name}-{window.stamp}-{number}"
            cells = one.line.split(",")[:width]
            lines.append(_captured(name, ",".join(cells), score, window.start + number * step))
            labels.append(_label(name, one.label))
        home = f"{self.endpoint.capture.destination_uri}/{self.name}/{self.endpoint.hosting.variant_name}"
        hour = f"{window.start:%Y/%m/%d/%H}"
        self.cloud.write(f"{home}/{hour}/00-00-000-laid-by-hand.jsonl", "\n".join(lines), "application/jsonlines")
        truth = f"{self.endpoint.training_labels}/{hour}/{window.stamp}.jsonl"
        self.cloud.write(truth, "\n".join(labels), "application/jsonlines")

    def present(self, someone: Sequence[Person]) -> Window:
        """Really ask the endpoint about ``someone`` now; the window in which they have asked."""
        client, start = runtime(self.cloud.variables), _full_second(datetime.now(UTC))
        time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
        names = [f"{self.name}-{start:%H%M%S}-{number}" for number in range(len(someone))]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one, name: ask(client, self.name, one.line, name), someone, names))
        return Window.of(start, _full_second(datetime.now(UTC)))

    # Runs

    def judge(self, window: Window) -> Json:
        """The monitor's run on ``window``, ended in success."""
        form = {"window_start": window.start.isoformat(), "window_end": window.end.isoformat()}
        return self.finish("monitor", self.airflow.trigger(self.dag("monitor"), conf=form)["dag_run_id"])

    def retrain(self, window: Window, reason: str) -> str:
        """Ask for a challenger by the form, as a person does; the run's id."""
        form = {"windows": [window.model_dump(mode="json")], "reason": reason}
        return str(self.airflow.trigger(self.dag("retrain"), conf=form)["dag_run_id"])

    def finish(self, pipeline: str, run_id: str) -> Json:
        """The run, ended in success."""
        return self.runs.finish(self.dag(pipeline), run_id, seconds=PATIENCE)

    def states(self, pipeline: str, run_id: str) -> dict[str, str | None]:
        """State by task of a run."""
        return {task["task_id"]: task["state"] for task in self.airflow.task_instances(self.dag(pipeline), run_id)}

    def asks(self, run_id: str) -> Json:
        """What a retraining asks a person, once it waits for the answer."""
        self.airflow.wait_for_task(self.dag("retrain"), run_id, "approve", {"awaiting_input"}, seconds=PATIENCE)
        (question,) = self.airflow.questions(self.dag("retrain"), run_id)
        return question

    def answer(self, run_id: str, option: str, comment: str) -> None:
        """Answer for the person who is asked, and see that the task goes on by it.

        Nobody answers at once, and nobody should: while the end of the process that has asked is not yet known to the
        scheduler, Airflow takes it for the death of the one that goes on by the answer, and asks again.
        """
        answered, end = 0, time.monotonic() + PATIENCE
        time.sleep(THINKING_SECONDS)
        while (task := self.airflow.task_instance(self.dag("retrain"), run_id, "approve"))["state"] not in ENDED:
            if task["state"] == "awaiting_input" and task["try_number"] > answered:
                self.airflow.answer(self.dag("retrain"), run_id, "approve", option, fields={"comment": comment})
                answered = task["try_number"]
            assert time.monotonic() < end, f"approve of {run_id} does not go on: {task['state']}"
            time.sleep(0.3)

    def baking(self) -> None:
        """Wait until an update's new version has its share of the requests."""
        end = time.monotonic() + PATIENCE
        while True:
            found = self.cloud.sagemaker.describe_endpoint(EndpointName=self.name)
            variants = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
            if [status["Status"] for one in variants for status in one["VariantStatus"]] == ["Baking"]:
                return
            assert time.monotonic() < end, f"{self.name} is {found['EndpointStatus']}: no update is baking"
            time.sleep(0.2)

    # What is on record

    def live(self) -> tuple[str, Json]:
        """The model that serves, and ``DescribeEndpoint``."""
        found = self.cloud.sagemaker.describe_endpoint(EndpointName=self.name)
        config = self.cloud.sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
        return str(config["ProductionVariants"][0]["ModelName"]), found

    def decided(self, window: Window) -> tuple[Decision, Permission]:
        """The decision on ``window``, and what the guards allowed of it when it was last looked at."""
        (decision,) = (Decision.from_json(json.dumps(told)) for told in self.results.decisions(window))
        (*_, text) = self._texts(f"{self.results.layout.actions()}/decisions/{window.path}")
        return decision, Permission.model_validate_json(text)

    def actions(self) -> list[ActionRecord]:
        """What was done, the oldest first."""
        root = self.results.layout.actions()
        _, prefix = split(root)
        found = self._texts(root, lambda key: key.removeprefix(f"{prefix}/")[0].isdigit())
        return sorted((ActionRecord.model_validate_json(text) for text in found), key=lambda one: one.started_at)

    def retraining(self, run_id: str) -> Json:
        """The record of how a run of the retrain DAG ended."""
        wanted = f"{self.dag('retrain')}/{run_id}"
        told = map(json.loads, self._texts(self.results.layout.retrainings()))
        (found,) = (record for record in told if record["dag_run"] == wanted)
        return dict(found)

    def pending(self) -> list[Json]:
        """The packages that wait for somebody's approval."""
        told = self.cloud.sagemaker.list_model_packages(
            ModelPackageGroupName=self.name, ModelApprovalStatus="PendingManualApproval"
        )
        return [self.package(one["ModelPackageArn"]) for one in told["ModelPackageSummaryList"]]

    def package(self, arn: str) -> Json:
        return dict(self.cloud.sagemaker.describe_model_package(ModelPackageName=arn))

    def _texts(self, uri: str, wanted: Any = lambda key: True) -> list[str]:
        bucket, _ = split(uri)
        return [self.cloud.read(bucket, key).decode() for key in self.cloud.keys(uri) if wanted(key)]


def parse_again(airflow: AirflowApi) -> None:
    """Have the DAG files read at once that make the pipelines' DAGs; else a new endpoint's wait for their turn."""
    for pipeline in PIPELINES:
        airflow.wait_for_dag(f"{PARSED_BY}__{pipeline}")
        airflow.parse_again(f"{PARSED_BY}__{pipeline}")


_INITIAL = ((1, "train", 400), (2, "validation", 100), (3, "test", 100))


def _full_second(moment: datetime) -> datetime:
    return datetime.fromtimestamp(math.ceil(moment.timestamp()), tz=UTC)


def _captured(name: str, row: str, score: str, moment: datetime) -> str:
    sides: Mapping[str, tuple[str, str, str]] = {
        "endpointInput": ("INPUT", "text/csv", row),
        "endpointOutput": ("OUTPUT", "text/csv; charset=utf-8", f"{score}\n"),
    }
    data = {
        side: {"observedContentType": kind, "mode": mode, "data": text, "encoding": "CSV"}
        for side, (mode, kind, text) in sides.items()
    }
    about = {"eventId": f"event-{name}", "inferenceId": name, "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    return json.dumps({"captureData": data, "eventMetadata": about, "eventVersion": "0"})


def _label(name: str, label: str) -> str:
    return json.dumps(
        {
            "groundTruthData": {"data": label, "encoding": "CSV"},
            "eventMetadata": {"eventId": name},
            "eventVersion": "0",
        }
    )
