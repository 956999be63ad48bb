"""Running a container's contract without a container engine: a process with an ``/opt/ml`` of its own.

What is kept of the contract: the command (image entry point, or ``ContainerEntrypoint``), the arguments (``train``,
``serve``, or ``ContainerArguments``), the environment, ``/opt/ml``, the exit code, output to CloudWatch Logs, SIGTERM
before SIGKILL, and that nothing the container started outlives it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketaws.world import World

# What a container sees of the host's environment: enough to run a program, nothing that belongs to its user.
_INHERITED = (
    *("LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    # Whoever started this process as part of a stack finds the stack's left-overs by this mark.
    "ENDPOINTWATCH_STACK",
)


class Container:
    """A running container.

    Attributes:
        pid: Process id; also the id of the process group and the session of everything the container starts.
        logs_done: Set once all output is in CloudWatch Logs, after the container has ended.
    """

    def __init__(self, world: World, process: subprocess.Popen[str], log: Callable[[str], None]) -> None:
        self._world = world
        self._process = process
        self._log = log
        self.pid = process.pid
        self._ending = threading.Lock()
        self._ended = False
        self.logs_done = threading.Event()
        threading.Thread(target=self._read, name=f"output-{self.pid}", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative the signal that ended it; None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Args:
            timeout: Seconds; None for ever.

        Returns:
            The exit code; negative the signal that ended it.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        code = self._process.wait(timeout)
        with self._ending:
            if not self._ended:
                self._kill(signal.SIGKILL)  # as with a container, what it has left behind goes with it
                self._world.keeper.forget(self.pid)
                # From here on the number may belong to somebody else.
                self._ended = True
        return code

    def stop(self, grace: float = 10.0) -> int:
        """SIGTERM to all of it; SIGKILL to what is left after ``grace`` seconds.

        Returns:
            The exit code; negative the signal that ended it.
        """
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self._signal(signal.SIGKILL)
        return self.wait()

    def _signal(self, number: signal.Signals) -> None:
        with self._ending:
            if not self._ended:
                self._kill(number)

    def _kill(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in self._process.stdout:
            if line.strip():
                self._log(line.rstrip("\r\n"))
        self._world.logs.mark().wait(10)
        self.logs_done.set()


def launch(
    world: World,
    *,
    image: str,
    command: Sequence[str] | None,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    root: Path,
    log_group: str,
    log_stream: str,
    on_line: Callable[[str], None] | None = None,
) -> Container:
    """Start a container.

    Args:
        world: The local AWS.
        image: URI of the image; it must be registered, also when ``command`` is given.
        command: ``ContainerEntrypoint``, which takes the place of the image's own entry point; None or empty for that.
        arguments: ``ContainerArguments``, or ``["train"]``, ``["serve"]``.
        environment: The container's own variables; they win over the image's and the local AWS's.
        root: Its folder; ``<root>/opt/ml`` is made and seen as ``/opt/ml``.
        log_group: Group in CloudWatch Logs, for example ``/aws/sagemaker/ProcessingJobs``.
        log_stream: Stream in that group.
        on_line: Is told every line of output, in the reading thread.

    Raises:
        ImageNotFound: No local command stands for the image.
        OSError: The command cannot be started.
    """
    entry = world.images.find(image)
    # Absolute, because a child of a namespace sees other working directories than this process.
    root = root.resolve()
    (root / "opt" / "ml").mkdir(parents=True, exist_ok=True)
    (root / "tmp").mkdir(exist_ok=True)
    argv = [*(command or entry.command), *arguments]
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    argv, full = world.isolation.wrap(
        argv,
        {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(root),
            "TMPDIR": str(root / "tmp"),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            **world.settings.client_environment,
            **entry.environment,
            **environment,
        },
        root,
    )
    world.logs.open(log_group, log_stream)
    process = subprocess.Popen(
        argv,
        env=full,
        cwd=root / "opt" / "ml",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    world.keeper.watch(process.pid)

    def log(line: str) -> None:
        world.logs.write(log_group, log_stream, line)
        if on_line is not None:
            on_line(line)

    return Container(world, process, log)
