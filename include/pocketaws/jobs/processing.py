"""Processing jobs: inputs from S3 into ``/opt/ml/processing``, one container, outputs back to S3."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pocketaws import s3
from pocketaws.containers import Container
from pocketaws.faults import invalid, not_emulated
from pocketaws.isolation import host_path
from pocketaws.jobs.job import MAX_TEXT, Job, JobFailure
from pocketaws.jobs.processing_config import processing_job_config
from pocketaws.jobs.record import create_queued
from pocketaws.listing import answer, described, select
from pocketaws.operations import Request, Response, operation
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.world import World

KIND = "ProcessingJob"
PROCESSING = "/opt/ml/processing"
UPLOAD_SECONDS = 1.0


class ProcessingJob(Job):
    """One processing job."""

    kind: ClassVar[str] = KIND

    def prepare(self) -> None:
        for item in self.record.get("ProcessingInputs", []):
            if "S3Input" in item and not item.get("AppManaged"):
                self._download(item["S3Input"])
        for output in self._outputs():
            self._folder(output).mkdir(parents=True, exist_ok=True)
        config = self.ml / "config"
        config.mkdir(parents=True)
        isolation = self.world.isolation
        text = json.dumps(processing_job_config(self.record), indent=2)
        (config / "processingjobconfig.json").write_text(isolation.text(text, self.root), encoding="utf-8")
        cluster = self.record["ProcessingResources"]["ClusterConfig"]
        (config / "resourceconfig.json").write_text(json.dumps(self.resource_config(cluster)), encoding="utf-8")

    def start(self) -> Container:
        app = self.record["AppSpecification"]
        container = self.launch(
            image=app["ImageUri"],
            command=app.get("ContainerEntrypoint"),
            arguments=app.get("ContainerArguments", []),
            environment=self.record.get("Environment", {}),
        )
        continuous = [output for output in self._outputs() if output["S3UploadMode"] == "Continuous"]
        if continuous:
            threading.Thread(target=self._upload_while, args=(container, continuous), daemon=True).start()
        return container

    def deliver(self, *, failed: bool) -> None:  # noqa: ARG002 - outputs go to S3 either way
        # Also after a failure: SageMaker's own local mode uploads in a `finally`
        # (`_SageMakerContainer.process` of the SageMaker Python SDK), and reports of failed jobs are read from S3.
        for output in self._outputs():
            folder = self._folder(output)
            if folder.is_dir():
                try:
                    s3.upload(self.world, folder, output["S3Uri"])
                except Exception as error:
                    raise JobFailure(f"ClientError: Failed to upload output to {output['S3Uri']}: {error}") from error

    def end(self, status: str, *, reason: str | None = None, timed_out: bool = False) -> None:
        if timed_out:
            # "After the condition is met, the processing job is stopped" (API reference, ProcessingStoppingCondition).
            reason = f"MaxRuntimeExceeded: the job ran longer than MaxRuntimeInSeconds ({self.max_seconds:g} s)"
        self.change(
            ProcessingJobStatus=status,
            ProcessingEndTime=now(),
            FailureReason=reason[:MAX_TEXT] if reason else None,
            ExitMessage=self.text_of("message"),
        )

    def failure_reason(self, code: int) -> str:
        message = self.text_of("message")
        return super().failure_reason(code) + (f". {message}" if message else "")

    def _download(self, source: dict[str, Any]) -> None:
        uri, folder = source["S3Uri"], host_path(self.root, source["LocalPath"])
        try:
            if source.get("S3DataType") == "ManifestFile":
                found = s3.download_manifest(self.world, uri, folder)
            else:
                found = s3.download(self.world, uri, folder)
        except s3.MissingObjects as missing:
            raise JobFailure(f"ClientError: Failed to download data. {missing}") from missing
        if not found:
            raise JobFailure(f"ClientError: Failed to download data. S3 key: {uri} matched no files on s3")

    def _outputs(self) -> list[dict[str, Any]]:
        outputs = self.record.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [item["S3Output"] for item in outputs if "S3Output" in item and not item.get("AppManaged")]

    def _folder(self, output: dict[str, Any]) -> Path:
        return host_path(self.root, output["LocalPath"])

    def _upload_while(self, container: Container, outputs: list[dict[str, Any]]) -> None:
        """Upload files of ``Continuous`` outputs as they change, while the container runs."""
        sent: dict[Path, tuple[int, int]] = {}
        while container.alive:
            for output in outputs:
                # A file may vanish or grow in between; what counts is uploaded at the end.
                with contextlib.suppress(OSError):
                    s3.upload_changed(self.world, self._folder(output), output["S3Uri"], sent)
            with contextlib.suppress(Exception):
                container.wait(UPLOAD_SECONDS)


@operation("CreateProcessingJob")
def create_processing_job(world: World, request: Request) -> Response:
    _check(request)
    return {"ProcessingJobArn": create_queued(world, KIND, request)}


@operation("DescribeProcessingJob")
def describe_processing_job(world: World, request: Request) -> Response:
    return described("DescribeProcessingJob", world.store.get(KIND, request["ProcessingJobName"]))


@operation("ListProcessingJobs")
def list_processing_jobs(world: World, request: Request) -> Response:
    return answer("ListProcessingJobs", select(world.store.all(KIND), request, kind=KIND), request)


@operation("StopProcessingJob")
def stop_processing_job(world: World, request: Request) -> Response:
    world.jobs.stop(KIND, request["ProcessingJobName"])
    return {}


def _check(request: Request) -> None:
    """Refuse what AWS refuses beyond the shapes, and what is not emulated.

    Raises:
        Fault: With the member's name.
    """
    if request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] != 1:
        raise not_emulated("Processing on more than one instance")
    inputs = request.get("ProcessingInputs", [])
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for names in ([item["InputName"] for item in inputs], [item["OutputName"] for item in outputs]):
        if len(set(names)) != len(names):
            raise invalid(f"The names of a job's inputs, and of its outputs, must differ; they are {names}")
    for item in inputs:
        _check_input(item)
    for item in outputs:
        if "FeatureStoreOutput" in item:
            raise not_emulated("FeatureStoreOutput of a processing output")
        if "S3Output" not in item:
            raise invalid(f"The processing output {item['OutputName']} needs an S3Output")
        _check_local_path(item["OutputName"], item["S3Output"], app_managed=item.get("AppManaged", False))


def _check_input(item: dict[str, Any]) -> None:
    if "DatasetDefinition" in item:
        raise not_emulated("DatasetDefinition of a processing input")
    if "S3Input" not in item:
        raise invalid(f"The processing input {item['InputName']} needs an S3Input")
    source = item["S3Input"]
    for member, only in (("S3InputMode", "File"), ("S3CompressionType", "None")):
        if source.get(member, only) != only:
            raise not_emulated(f"{member} {source[member]} of a processing input")
    _check_local_path(item["InputName"], source, app_managed=item.get("AppManaged", False))


def _check_local_path(name: str, place: dict[str, Any], *, app_managed: bool) -> None:
    path = place.get("LocalPath")
    if path is None and not app_managed:
        raise invalid(f"LocalPath is required for {name} unless AppManaged is true")
    if path is not None and (not Path(path).is_relative_to(PROCESSING) or ".." in Path(path).parts):
        raise invalid(f"LocalPath of {name} must be a directory under {PROCESSING}, but it is {path!r}")
