"""What processing and training jobs share: the life of a job around one container."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pocketaws import events
from pocketaws.containers import Container, launch
from pocketaws.images import ImageNotFound
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.world import World

# SageMaker gives 120 s between SIGTERM and SIGKILL. A laptop's user waits for it, so it is shorter here.
GRACE_SECONDS = 10.0
SIGNAL_BASE = 128
MAX_TEXT = 1024


class JobFailure(Exception):  # noqa: N818 - it ends the job, not the local AWS
    """The job has failed; its text becomes the ``FailureReason``."""


class Stopped(Exception):  # noqa: N818 - asked for, no error
    """The job was asked to stop before its container was started."""


class Job(ABC):
    """One job, from the queue to its end. ``run`` is called once, by a worker of the ``Runner``.

    Args:
        world: The local AWS.
        name: The job's name; its record exists.
    """

    kind: ClassVar[str]

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.record: dict[str, Any] = world.store.get(self.kind, name)
        self.root: Path = world.settings.home / "jobs" / f"{self.kind}-{name}"
        self.ml = self.root / "opt" / "ml"
        self._lock = threading.Lock()
        self._stopping: float | None = None
        self._failure: str | None = None
        self._container: Container | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Lay inputs and configuration where the container looks for them. Raises ``JobFailure``."""

    @abstractmethod
    def start(self) -> Container:
        """Start the container."""

    @abstractmethod
    def deliver(self, *, failed: bool) -> None:
        """Carry what the container wrote to S3. Raises ``JobFailure``.

        Args:
            failed: The container ended by itself, and not with 0.
        """

    @abstractmethod
    def end(self, status: str, *, reason: str | None = None, timed_out: bool = False) -> None:
        """Record the end: ``Completed``, ``Failed`` or ``Stopped``."""

    @classmethod
    def stopping(cls, record: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG003 - training keeps its transitions
        """The changes by which a record says that the job is being stopped."""
        return {f"{cls.kind}Status": "Stopping"}

    @classmethod
    def tried_again(cls, record: dict[str, Any]) -> bool:  # noqa: ARG003 - training knows a RetryStrategy
        """Whether a job that was cut off by the end of the local AWS is run once more, under its name."""
        return False

    @property
    def max_seconds(self) -> float:
        """The job's ``MaxRuntimeInSeconds``; a day when it names none, as SageMaker does."""
        return float(self.record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400))

    def run(self) -> None:
        """The whole life of the job. Whatever happens, the record says how it ended."""
        try:
            shutil.rmtree(self.root, ignore_errors=True)
            (self.ml / "output").mkdir(parents=True)
            self.change(**{f"{self.kind.removesuffix('Job')}StartTime": now()})
            self.prepare()
            code, timed_out = self._contain()
            self.deliver(failed=code != 0 and not timed_out and self._stopping is None)
            self._conclude(code, timed_out)
        except Stopped:
            self._end_stopped()
        except (JobFailure, ImageNotFound) as failure:
            self.end("Failed", reason=str(failure))
        except Exception as unexpected:  # noqa: BLE001 - the record must say how it ended
            traceback.print_exc(file=sys.stderr)
            self.end("Failed", reason=f"InternalServerError: the local AWS failed at this job: {unexpected!r}")
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def stop(self, grace: float = GRACE_SECONDS, *, failure: str | None = None) -> None:
        """End the container, or keep it from being started. Returns at once.

        Args:
            grace: Seconds between SIGTERM and SIGKILL.
            failure: Why nobody asked for it: then the job ends ``Failed`` for this reason, and not ``Stopped``.
        """
        with self._lock:
            self._stopping = grace
            self._failure = failure
            container = self._container
        if container is not None:
            threading.Thread(target=container.stop, args=(grace,), daemon=True).start()

    def change(self, **changes: Any) -> None:
        """Set members of the record; says so on EventBridge when the job's status changed."""
        before = self.record
        self.record = self.world.store.update(self.kind, self.name, **changes)
        status = (f"{self.kind}Status", "SecondaryStatus")
        if any(before.get(member) != self.record.get(member) for member in status):
            events.state_changed(self.world, self.kind, self.record)

    def launch(
        self, *, image: str, command: Sequence[str] | None, arguments: Sequence[str], environment: dict[str, str]
    ) -> Container:
        """Start the container with the job's log stream."""
        return launch(
            self.world,
            image=image,
            command=command,
            arguments=arguments,
            environment=environment,
            root=self.root,
            log_group=f"/aws/sagemaker/{self.kind}s",
            log_stream=f"{self.name}/algo-1-{int(now())}",
            on_line=self.on_line,
        )

    def on_line(self, line: str) -> None:  # noqa: B027 - most jobs only have their output logged
        """Is told every line of the container's output."""

    def text_of(self, name: str) -> str | None:
        """The first 1,024 characters of ``/opt/ml/output/<name>``, which the container may have written."""
        try:
            return (self.ml / "output" / name).read_text(encoding="utf-8", errors="replace")[:MAX_TEXT]
        except OSError:
            return None

    def resource_config(self, cluster: dict[str, Any]) -> dict[str, Any]:
        """The content of ``resourceconfig.json``, one host."""
        kind = cluster.get("InstanceType", "local")
        return {
            "current_host": "algo-1",
            "current_instance_type": kind,
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1"],
            "instance_groups": [
                {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": ["algo-1"]}
            ],
            "network_interface_name": "eth0",
            "topology": None,
        }

    def _contain(self) -> tuple[int, bool]:
        """Run the container; its exit code, and whether it had to be ended because its time was over."""
        with self._lock:
            if self._stopping is not None:
                raise Stopped
            try:
                self._container = self.start()
            except OSError as error:
                raise JobFailure(f"AlgorithmError: the container cannot be started: {error}") from error
            container = self._container
        timed_out = False
        try:
            code = container.wait(self.max_seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
            code = container.stop(GRACE_SECONDS)
        container.logs_done.wait(10)
        return (SIGNAL_BASE - code if code < 0 else code), timed_out

    def _conclude(self, code: int, timed_out: bool) -> None:
        if self._stopping is not None:
            self._end_stopped()
        elif timed_out:
            self.end("Stopped", timed_out=True)
        elif code == 0:
            self.end("Completed")
        else:
            self.end("Failed", reason=self.failure_reason(code))

    def _end_stopped(self) -> None:
        if self._failure:
            self.end("Failed", reason=self._failure)
        else:
            self.end("Stopped")

    def failure_reason(self, code: int) -> str:
        """The ``FailureReason`` of a container that ended with ``code``."""
        return f"AlgorithmError: See job logs for more information, exit code: {code}"
