"""Training jobs: channels from S3 into ``/opt/ml/input/data``, one container, ``/opt/ml/model`` to S3 as an archive."""

from __future__ import annotations

import contextlib
import json
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pocketaws import events, s3
from pocketaws.containers import Container
from pocketaws.faults import invalid, not_emulated, refuse_members
from pocketaws.jobs.job import MAX_TEXT, Job, JobFailure
from pocketaws.jobs.record import create_queued
from pocketaws.listing import answer, described, select
from pocketaws.operations import Request, Response, operation
from pocketaws.store import Record, now

if TYPE_CHECKING:
    from pocketaws.world import World

KIND = "TrainingJob"
# What DescribeTrainingJob says beside each secondary status.
MESSAGES = {
    "Pending": "Waiting for a free place among the jobs that run at once",
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job exceeded MaxRuntimeInSeconds",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
}
# Members that ask for something that would not happen.
NOT_EMULATED = (
    "CheckpointConfig",
    "ServerlessJobConfig",
    "ModelPackageConfig",
    "MlflowConfig",
    "SessionChainingConfig",
)


class TrainingJob(Job):
    """One training job."""

    kind: ClassVar[str] = KIND

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self._metrics: dict[str, dict[str, Any]] = {}
        self._patterns = [
            (metric["Name"], re.compile(metric["Regex"]))
            for metric in self.record["AlgorithmSpecification"].get("MetricDefinitions", [])
        ]

    @classmethod
    def stopping(cls, record: dict[str, Any]) -> dict[str, Any]:
        return {**super().stopping(record), **entered(record, "Stopping")}

    @classmethod
    def tried_again(cls, record: dict[str, Any]) -> bool:
        """By its RetryStrategy, which is for an InternalServerError; its secondary status is ``Starting`` once more."""
        starts = sum(entry["Status"] == "Starting" for entry in record["SecondaryStatusTransitions"])
        attempts: int = record.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        return attempts > 0 and starts <= attempts

    def prepare(self) -> None:
        self._enter("Starting")
        self._enter("Downloading")
        channels = self.record.get("InputDataConfig", [])
        for channel in channels:
            self._download(channel)
        for folder in ("input/config", "input/data", "model", "output/data"):
            (self.ml / folder).mkdir(parents=True, exist_ok=True)
        mode = self.record["AlgorithmSpecification"]["TrainingInputMode"]
        self._write("hyperparameters", self.record.get("HyperParameters", {}))
        self._write("inputdataconfig", {item["ChannelName"]: _channel_config(item, mode) for item in channels})
        self._write("resourceconfig", self.resource_config(self.record["ResourceConfig"]))

    def start(self) -> Container:
        algorithm = self.record["AlgorithmSpecification"]
        own = algorithm.get("ContainerEntrypoint"), algorithm.get("ContainerArguments")
        container = self.launch(
            image=algorithm["TrainingImage"],
            command=own[0],
            # SageMaker runs `docker run <image> train` unless the request names its own command.
            arguments=own[1] or ([] if own[0] else ["train"]),
            environment={
                **self.record.get("Environment", {}),
                "TRAINING_JOB_NAME": self.name,
                "TRAINING_JOB_ARN": self.record["TrainingJobArn"],
            },
        )
        self._enter("Training")
        return container

    def deliver(self, *, failed: bool) -> None:
        self._enter("Uploading")
        target = s3.join(self.record["OutputDataConfig"]["S3OutputPath"], self.name, "output")
        try:
            self._deliver_data(target)
            if not failed:
                # Also when stopped: "SageMaker sends SIGTERM ... Algorithms can use this window to save the model
                # artifacts, so the results of training are not lost" (API reference, StopTrainingJob).
                self._deliver_model(target)
        except Exception as error:
            raise JobFailure(f"ClientError: Artifact upload failed: {error}") from error

    def end(self, status: str, *, reason: str | None = None, timed_out: bool = False) -> None:
        at = now()
        seconds = max(1, round(at - self.record.get("TrainingStartTime", at)))
        started = "TrainingStartTime" in self.record
        self._enter(
            "MaxRuntimeExceeded" if timed_out else status,
            message=f"{MESSAGES['Failed']}: {reason}" if reason else None,
            TrainingJobStatus=status,
            TrainingEndTime=at,
            FailureReason=reason[:MAX_TEXT] if reason else None,
            FinalMetricDataList=list(self._metrics.values()) or None,
            **({"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds} if started else {}),
        )

    def failure_reason(self, code: int) -> str:
        failure = self.text_of("failure")
        # With a failure file SageMaker answers its text in place of the pointer to the logs.
        return f"AlgorithmError: {failure}, exit code: {code}" if failure else super().failure_reason(code)

    def on_line(self, line: str) -> None:
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                with contextlib.suppress(ValueError, IndexError):
                    self._metrics[name] = {"MetricName": name, "Value": float(match[1]), "Timestamp": now()}

    def _enter(self, status: str, *, message: str | None = None, **changes: Any) -> None:
        """Go to a secondary status; the transitions are kept with their times."""

        def transition(record: Record) -> Record:
            stopping = record["TrainingJobStatus"] == "Stopping" and "TrainingJobStatus" not in changes
            # What a stopping job still does is part of its stopping.
            return {} if stopping else {**entered(record, status, message), **changes}

        before = self.record
        self.record = self.world.store.change(KIND, self.name, transition)
        if before["SecondaryStatus"] != self.record["SecondaryStatus"]:
            events.state_changed(self.world, KIND, self.record)

    def _download(self, channel: dict[str, Any]) -> None:
        source = channel["DataSource"]["S3DataSource"]
        uri, folder = source["S3Uri"], self.ml / "input" / "data" / channel["ChannelName"]
        try:
            manifest = source["S3DataType"] == "ManifestFile"
            found = (s3.download_manifest if manifest else s3.download)(self.world, uri, folder)
        except s3.MissingObjects as missing:
            raise JobFailure(f"ClientError: Data download failed:{missing}") from missing
        if not found:
            raise JobFailure(
                f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data '
                "source. Please ensure that the bucket exists and that objects exist under that S3 prefix."
            )

    def _write(self, name: str, content: Any) -> None:
        text = self.world.isolation.text(json.dumps(content), self.root)
        (self.ml / "input" / "config" / f"{name}.json").write_text(text, encoding="utf-8")

    def _deliver_model(self, target: str) -> None:
        folder = self.ml / "model"
        if self.record["OutputDataConfig"].get("CompressionType") == "NONE":
            uri = s3.join(target, "model") + "/"
            s3.upload(self.world, folder, uri)
        else:
            uri = s3.join(target, "model.tar.gz")
            s3.upload_file(self.world, _archive(folder, self.root / "model.tar.gz"), uri)
        self.change(ModelArtifacts={"S3ModelArtifacts": uri})

    def _deliver_data(self, target: str) -> None:
        folder = self.ml / "output" / "data"
        if folder.is_dir() and any(folder.iterdir()):
            archive = _archive(folder, self.root / "output.tar.gz")
            s3.upload_file(self.world, archive, s3.join(target, "output.tar.gz"))


def entered(record: Record, status: str, message: str | None = None) -> Record:
    """The changes by which a record goes to a secondary status."""
    transitions = [dict(item) for item in record.get("SecondaryStatusTransitions", [])]
    if transitions and transitions[-1]["Status"] == status:
        return {}
    at = now()
    if transitions:
        transitions[-1]["EndTime"] = at
    transitions.append({"Status": status, "StartTime": at, "StatusMessage": message or MESSAGES[status]})
    if status in {"Completed", "Failed", "Stopped", "MaxRuntimeExceeded"}:
        transitions[-1]["EndTime"] = at
    return {"SecondaryStatus": status, "SecondaryStatusTransitions": transitions}


@operation("CreateTrainingJob")
def create_training_job(world: World, request: Request) -> Response:
    _check(request)
    return {"TrainingJobArn": create_queued(world, KIND, request, **entered({}, "Pending"))}


@operation("DescribeTrainingJob")
def describe_training_job(world: World, request: Request) -> Response:
    record = world.store.get(KIND, request["TrainingJobName"])
    # A required member of the answer; empty until there is a model.
    return {"ModelArtifacts": {"S3ModelArtifacts": ""}, **described("DescribeTrainingJob", record)}


@operation("ListTrainingJobs")
def list_training_jobs(world: World, request: Request) -> Response:
    return answer("ListTrainingJobs", select(world.store.all(KIND), request, kind=KIND), request)


@operation("StopTrainingJob")
def stop_training_job(world: World, request: Request) -> Response:
    world.jobs.stop(KIND, request["TrainingJobName"])
    return {}


def _check(request: Request) -> None:
    """Refuse what AWS refuses beyond the shapes, and what is not emulated.

    Raises:
        Fault: With the member's name.
    """
    refuse_members(request, NOT_EMULATED, "CreateTrainingJob")
    algorithm = request.get("AlgorithmSpecification", {})
    if "TrainingImage" not in algorithm:
        raise not_emulated("AlgorithmSpecification without a TrainingImage")
    if "ResourceConfig" not in request or "StoppingCondition" not in request:
        raise invalid("ResourceConfig and StoppingCondition are required")
    if request["ResourceConfig"].get("InstanceCount", 1) != 1 or "InstanceGroups" in request["ResourceConfig"]:
        raise not_emulated("Training on more than one instance")
    for metric in algorithm.get("MetricDefinitions", []):
        _check_metric(metric)
    channels = request.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) != len(names):
        raise invalid(f"The names of a job's channels must differ; they are {names}")
    for channel in channels:
        _check_channel(channel, algorithm["TrainingInputMode"])


def _check_metric(metric: dict[str, str]) -> None:
    try:
        groups = re.compile(metric["Regex"]).groups
    except re.error as error:
        raise invalid(f"The Regex of the metric {metric['Name']} is malformed: {error}") from error
    if not groups:
        raise invalid(f"The Regex of the metric {metric['Name']} needs a group (...) around the number")


def _check_channel(channel: dict[str, Any], mode: str) -> None:
    if "S3DataSource" not in channel["DataSource"]:
        raise not_emulated("A channel's FileSystemDataSource")
    kind = channel["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in {"S3Prefix", "ManifestFile"}:
        raise not_emulated(f"S3DataType {kind}")
    for member in ("CompressionType", "RecordWrapperType"):
        if channel.get(member, "None") != "None":
            raise not_emulated(f"{member} {channel[member]}")
    # FastFile shows the same files at the same paths as File.
    if channel.get("InputMode", mode) == "Pipe":
        raise not_emulated("InputMode Pipe")


def _channel_config(channel: dict[str, Any], mode: str) -> dict[str, Any]:
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "TrainingInputMode": channel.get("InputMode", mode),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {**({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}), **config}


def _archive(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return archive
