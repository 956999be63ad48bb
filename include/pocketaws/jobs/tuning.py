"""Hyperparameter tuning jobs: training jobs, one set of values each, of which the best is named."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from pocketaws import events
from pocketaws.faults import Fault, invalid, not_emulated, refuse_members
from pocketaws.jobs import search, training
from pocketaws.jobs.record import create
from pocketaws.listing import answer, described, select
from pocketaws.operations import Request, Response, operation
from pocketaws.service_model import output_members
from pocketaws.store import Record, now

if TYPE_CHECKING:
    from pocketaws.world import World

KIND = "HyperParameterTuningJob"
LOOK_SECONDS = 0.1
ACTIVE = frozenset({"InProgress", "Stopping"})
ALL_FAILED = "All training jobs failed. Please take a look at the training jobs failures to get more details."
NO_OBJECTIVE = "No training job emitted the objective metric {}."
NOT_EMULATED = ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")


class Search:
    """Starts a tuning job's training jobs, as many at once as it allows, and closes it when they have ended.

    Values are drawn before anything is known of the results, also with the strategy ``Bayesian``.

    Args:
        world: The local AWS.
        name: The tuning job's name; its record exists.
    """

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name
        self._record = world.store.get(KIND, name)
        self._config = self._record["HyperParameterTuningJobConfig"]

    def run(self) -> None:
        try:
            self._search()
            self._end()
        except sqlite3.ProgrammingError:
            # The local AWS was closed; the next start goes on.
            return
        except Exception as unexpected:  # noqa: BLE001 - the record must say how it ended
            self._close("Failed", f"InternalServerError: the local AWS failed at this tuning job: {unexpected!r}")

    def _search(self) -> None:
        wanted, at_once = search.size(self._config), self._config["ResourceLimits"]["MaxParallelTrainingJobs"]
        # Those that were there before the local AWS was restarted; what is drawn is the same every time.
        started = [row["TrainingJobName"] for row in children(self._world, self._record)]
        drawn = itertools.islice(search.points(self._config), len(started), None)
        while True:
            stopping = self._status() != "InProgress"
            active = [name for name in started if self._training(name)["TrainingJobStatus"] in ACTIVE]
            if stopping:
                self._stop(active)
            if not active and (stopping or len(started) == wanted):
                return
            while not stopping and len(active) < at_once and len(started) < wanted:
                active.append(self._start(len(started) + 1, next(drawn)))
                started.append(active[-1])
            time.sleep(LOOK_SECONDS)

    def _start(self, number: int, values: search.Values) -> str:
        name = f"{self._name}-{number:03d}-{uuid.uuid4().hex[:8]}"
        definition = self._record["TrainingJobDefinition"]
        request = {
            key: value
            for key, value in definition.items()
            if key not in {"StaticHyperParameters", "HyperParameterRanges", "TuningObjective", "DefinitionName"}
        }
        parameters = {**definition.get("StaticHyperParameters", {}), **values}
        # What AWS hands to every training job of a search.
        parameters["_tuning_objective_metric"] = _objective(self._record)["MetricName"]
        request |= {"TrainingJobName": name, "HyperParameters": parameters}
        # Said in the same breath: a job that is cut off here is known as the search's when it goes on.
        request |= {"TuningJobArn": self._record["HyperParameterTuningJobArn"], "TunedHyperParameters": values}
        training.create_training_job(self._world, request)
        return name

    def _stop(self, names: list[str]) -> None:
        for name in names:
            if self._training(name)["TrainingJobStatus"] != "InProgress":
                continue
            try:
                self._world.jobs.stop(training.KIND, name)
            except Fault:
                # It has ended in between.
                continue

    def _end(self) -> None:
        if self._status() == "Stopping":
            self._close("Stopped")
            return
        rows = children(self._world, self._record)
        if any("FinalHyperParameterTuningJobObjectiveMetric" in row for row in rows):
            self._close("Completed")
        elif any(row["TrainingJobStatus"] == "Completed" for row in rows):
            self._close("Failed", NO_OBJECTIVE.format(_objective(self._record)["MetricName"]))
        else:
            self._close("Failed", ALL_FAILED)

    def _close(self, status: str, reason: str | None = None) -> None:
        record = self._world.store.update(
            KIND,
            self._name,
            HyperParameterTuningJobStatus=status,
            HyperParameterTuningEndTime=now(),
            FailureReason=reason,
        )
        events.state_changed(self._world, KIND, record)

    def _status(self) -> str:
        return str(self._world.store.get(KIND, self._name)["HyperParameterTuningJobStatus"])

    def _training(self, name: str) -> Record:
        return self._world.store.get(training.KIND, name)


def resume(world: World) -> None:
    """Go on with the tuning jobs that an earlier process left running; what became of their training jobs is known."""
    for record in world.store.all(KIND):
        if record["HyperParameterTuningJobStatus"] in ACTIVE:
            _begin(world, record["HyperParameterTuningJobName"])


def _begin(world: World, name: str) -> None:
    threading.Thread(target=Search(world, name).run, name=f"tuning-{name}", daemon=True).start()


def children(world: World, record: Record) -> list[dict[str, Any]]:
    """The tuning job's training jobs, as their summaries have them, the oldest first."""
    arn = record["HyperParameterTuningJobArn"]
    return [_summary(record, one) for one in world.store.all(training.KIND) if one.get("TuningJobArn") == arn]


def best(record: Record, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The training job with the best figure; of equal ones the first."""
    told = [row for row in rows if "FinalHyperParameterTuningJobObjectiveMetric" in row]
    sign = -1 if _objective(record)["Type"] == "Minimize" else 1
    return max(told, key=lambda row: sign * row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], default=None)


@operation("CreateHyperParameterTuningJob")
def create_tuning_job(world: World, request: Request) -> Response:
    _check(request)
    name, config = request["HyperParameterTuningJobName"], request["HyperParameterTuningJobConfig"]
    arn = create(world, KIND, request, Strategy=config["Strategy"], ResourceLimits=config["ResourceLimits"])
    _begin(world, name)
    return {"HyperParameterTuningJobArn": arn}


@operation("DescribeHyperParameterTuningJob")
def describe_tuning_job(world: World, request: Request) -> Response:
    record = world.store.get(KIND, request["HyperParameterTuningJobName"])
    rows = children(world, record)
    seconds = sum(row.pop("BillableTimeInSeconds", 0) for row in rows)
    found = best(record, rows)
    summary = output_members("DescribeHyperParameterTuningJob")["BestTrainingJob"].members
    found = {name: found[name] for name in summary if name in found} if found else None
    return described(
        "DescribeHyperParameterTuningJob",
        {
            **record,
            **_counters(rows),
            **({"BestTrainingJob": found} if found else {}),
            "ConsumedResources": {"RuntimeInSeconds": seconds},
        },
    )


@operation("ListHyperParameterTuningJobs")
def list_tuning_jobs(world: World, request: Request) -> Response:
    rows = [{**record, **_counters(children(world, record))} for record in world.store.all(KIND)]
    return answer("ListHyperParameterTuningJobs", select(rows, request, kind=KIND), request)


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs_of(world: World, request: Request) -> Response:
    record = world.store.get(KIND, request["HyperParameterTuningJobName"])
    rows = children(world, record)
    if request.get("SortBy") == "FinalObjectiveMetricValue":
        rows = [row for row in rows if "FinalHyperParameterTuningJobObjectiveMetric" in row]
        backwards = request.get("SortOrder") == "Descending"
        rows.sort(key=lambda row: row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], reverse=backwards)
        kept = [row for row in rows if request.get("StatusEquals") in {None, row["TrainingJobStatus"]}]
    else:
        kept = select(rows, request, kind=training.KIND)
    return answer("ListTrainingJobsForHyperParameterTuningJob", kept, request)


@operation("StopHyperParameterTuningJob")
def stop_tuning_job(world: World, request: Request) -> Response:
    def stopping(record: Record) -> Record:
        status = record["HyperParameterTuningJobStatus"]
        if status not in ACTIVE:
            raise invalid(f"The request was rejected because the hyperparameter tuning job is in status {status}.")
        return {"HyperParameterTuningJobStatus": "Stopping"}

    record = world.store.change(KIND, request["HyperParameterTuningJobName"], stopping)
    events.state_changed(world, KIND, record)
    return {}


def _check(request: Request) -> None:
    """Refuse what AWS refuses beyond the shapes, and what is not emulated.

    Raises:
        Fault: With the member's name.
    """
    refuse_members(request, NOT_EMULATED, "CreateHyperParameterTuningJob")
    config = request["HyperParameterTuningJobConfig"]
    if config["Strategy"] == "Hyperband":
        raise not_emulated("The tuning strategy Hyperband")
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise not_emulated("TrainingJobEarlyStoppingType Auto")
    if config.get("TuningJobCompletionCriteria") or "MaxRuntimeInSeconds" in config["ResourceLimits"]:
        raise not_emulated("Ending a tuning job before all its training jobs have run")
    if "HyperParameterTuningJobObjective" not in config or "TrainingJobDefinition" not in request:
        raise invalid("HyperParameterTuningJobObjective and TrainingJobDefinition are required")
    search.size(config)
    definition = request["TrainingJobDefinition"]
    metrics = definition["AlgorithmSpecification"].get("MetricDefinitions", [])
    objective = config["HyperParameterTuningJobObjective"]["MetricName"]
    if objective not in {metric["Name"] for metric in metrics}:
        raise invalid(f"The objective metric {objective} is none of AlgorithmSpecification.MetricDefinitions")
    searched = {one["Name"] for kind in config.get("ParameterRanges", {}).values() for one in kind if "Name" in one}
    if twice := sorted(searched & set(definition.get("StaticHyperParameters", {}))):
        raise invalid(f"{twice} stand both in ParameterRanges and in StaticHyperParameters")


def _objective(record: Record) -> dict[str, str]:
    return dict(record["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"])


def _summary(record: Record, one: Record) -> dict[str, Any]:
    objective = _objective(record)
    figures = {metric["MetricName"]: metric["Value"] for metric in one.get("FinalMetricDataList", [])}
    value = figures.get(objective["MetricName"]) if one["TrainingJobStatus"] in {"Completed", "Stopped"} else None
    final = {"FinalHyperParameterTuningJobObjectiveMetric": {**objective, "Value": value}}
    ended = one["TrainingJobStatus"] not in ACTIVE
    state = "Succeeded" if value is not None else "Failed" if ended else "Pending"
    return {**one, "TuningJobName": record["HyperParameterTuningJobName"], "ObjectiveStatus": state} | (
        final if value is not None else {}
    )


def _counters(rows: list[dict[str, Any]]) -> dict[str, Any]:
    def jobs(*statuses: str) -> int:
        return sum(row["TrainingJobStatus"] in statuses for row in rows)

    return {
        "TrainingJobStatusCounters": {
            "Completed": jobs("Completed"),
            "InProgress": jobs(*ACTIVE),
            "RetryableError": 0,
            "NonRetryableError": jobs("Failed"),
            "Stopped": jobs("Stopped"),
        },
        "ObjectiveStatusCounters": {
            state: sum(row["ObjectiveStatus"] == state for row in rows) for state in ("Succeeded", "Pending", "Failed")
        },
    }
