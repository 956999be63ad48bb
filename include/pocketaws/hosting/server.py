"""One model server: the process that stands for a production variant's instances, and the way to it."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import tarfile
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from pocketaws import s3
from pocketaws.containers import Container, launch
from pocketaws.images import ImageNotFound

if TYPE_CHECKING:
    from pocketaws.hosting.spec import VariantSpec
    from pocketaws.world import World

# SageMaker gives a container 60 seconds to answer a request, and 2 for a /ping.
REQUEST_SECONDS = 60.0
PING_SECONDS = 2.0
PING_EVERY_SECONDS = 0.05
STOP_GRACE_SECONDS = 5.0
# Below the range from which the kernel takes the ports of outgoing connections, so that none can be taken in between.
PORTS = range(20000, 32000)
OK = 200


class NotHealthy(Exception):  # noqa: N818 - read as the state it is
    """The container did not start, or did not answer /ping; the text is SageMaker's."""


class TimedOut(Exception):  # noqa: N818 - as above
    """The container did not answer in time."""


class Unreachable(Exception):  # noqa: N818 - as above
    """The container has gone, or closed the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A model server's answer, header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Ports:
    """Free TCP ports of the loopback, none handed out twice while in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[int] = set()

    def take(self) -> int:
        with self._lock:
            for port in random.sample(PORTS, len(PORTS)):
                if port not in self._taken and _free(port):
                    self._taken.add(port)
                    return port
        raise OSError(f"No TCP port is free between {PORTS.start} and {PORTS.stop}")

    def give_back(self, port: int) -> None:
        with self._lock:
            self._taken.discard(port)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_PORTS = _Ports()


class ModelServer:
    """A variant's container: start it, wait for it, ask it, stop it.

    Args:
        world: The local AWS.
        endpoint: Name of the endpoint.
        spec: What to run.

    Attributes:
        instance_id: As an EC2 instance's; names the log stream.
    """

    def __init__(self, world: World, endpoint: str, spec: VariantSpec) -> None:
        self._world = world
        self._endpoint = endpoint
        self.spec = spec
        self.instance_id = f"i-{uuid.uuid4().hex[:17]}"
        self.log_group = f"/aws/sagemaker/Endpoints/{endpoint}"
        self.log_stream = f"{spec.name}/{self.instance_id}"
        self._root = world.settings.home / "endpoints" / endpoint / f"{spec.name}-{self.instance_id}"
        self._port = _PORTS.take()
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", self._port, maxsize=64, block=False, retries=False)
        self._container: Container | None = None
        self._closed = threading.Event()
        self._lifecycle = threading.Lock()

    @property
    def alive(self) -> bool:
        return self._container is not None and self._container.alive

    @property
    def pid(self) -> int | None:
        """Process id, also of the session of everything the container has started; None before the start."""
        return self._container.pid if self._container else None

    @property
    def root(self) -> Path:
        return self._root

    def start(self) -> None:
        """Lay out ``/opt/ml/model``, start the container, wait until /ping answers 200.

        Raises:
            NotHealthy: It could not be started, ended, or did not answer in time.
        """
        try:
            self._lay_out()
            self.launch()
        except ImageNotFound as error:
            raise NotHealthy(str(error)) from error
        except Exception as error:
            raise NotHealthy(f"Variant {self.spec.name} could not be started: {error}") from error
        self.wait_healthy()

    def launch(self) -> None:
        """Start the container, also again after it has ended."""
        with self._lifecycle:
            if self._closed.is_set():
                raise NotHealthy(f"Variant {self.spec.name} is being shut down")
            self._container = launch(
                self._world,
                image=self.spec.image,
                command=None,
                arguments=["serve"],
                environment={
                    **self.spec.environment,
                    "SAGEMAKER_BIND_TO_PORT": str(self._port),
                    "SAGEMAKER_SAFE_PORT_RANGE": "32000-32767",
                    # Containers listen on every interface; here that would be the host's.
                    "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
                },
                root=self._root,
                log_group=self.log_group,
                log_stream=self.log_stream,
            )

    def revive(self) -> None:
        """Start the container again after it has ended by itself, as SageMaker does.

        Raises:
            NotHealthy: It does not come up again.
        """
        if self._container is not None:
            self._container.wait()
        self.launch()
        self.wait_healthy()

    def wait_healthy(self) -> None:
        """Wait until /ping answers 200.

        Raises:
            NotHealthy: The container ended, or did not answer within the variant's startup time.
        """
        end = time.monotonic() + self.spec.startup_seconds
        while time.monotonic() < end and self.alive and not self._closed.is_set():
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                timeout = urllib3.Timeout(PING_SECONDS)
                if self._pool.request("GET", "/ping", timeout=timeout).status == OK and self.alive:
                    return
            self._closed.wait(PING_EVERY_SECONDS)
        raise NotHealthy(
            f"The primary container for production variant {self.spec.name} did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST /invocations over a kept-alive connection.

        Raises:
            TimedOut: No answer within 60 seconds.
            Unreachable: No connection, or it was closed without an answer.
        """
        try:
            return self._post(body, headers)
        except urllib3.exceptions.ProtocolError as error:
            # A server may close an idle connection at the moment it is taken up again; the request was not read then.
            if not self.alive:
                raise Unreachable(str(error)) from error
        try:
            return self._post(body, headers)
        except urllib3.exceptions.ProtocolError as error:
            raise Unreachable(str(error)) from error

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            response = self._pool.urlopen(
                "POST",
                "/invocations",
                body=body,
                headers={**headers, "Content-Length": str(len(body))},
                timeout=urllib3.Timeout(REQUEST_SECONDS),
                retries=False,
                redirect=False,
                decode_content=False,
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            raise TimedOut(str(error)) from error
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise Unreachable(str(error)) from error
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, response.data)

    def close(self) -> None:
        """Stop the container and forget its files; a second time does nothing."""
        with self._lifecycle:
            if self._closed.is_set():
                return
            self._closed.set()
        if self._container is not None:
            self._container.stop(STOP_GRACE_SECONDS)
        self._pool.close()
        _PORTS.give_back(self._port)
        shutil.rmtree(self._root, ignore_errors=True)

    def _lay_out(self) -> None:
        model = self._root / "opt" / "ml" / "model"
        model.mkdir(parents=True)
        if self.spec.model_data is None:
            return
        archive = self._root / "model.tar.gz"
        s3.download_file(self._world, self.spec.model_data, archive)
        _extract(archive, model)
        archive.unlink()


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
            return
        # Python releases before 3.11.4 know no filters: only plain files and folders inside the archive are taken.
        for member in tar.getmembers():
            inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
            if not inside or not (member.isfile() or member.isdir()):
                raise tarfile.TarError(f"{archive.name} holds {member.name!r}, which is no plain file inside it")
        tar.extractall(folder)  # noqa: S202 - every member was checked above
