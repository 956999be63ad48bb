"""The keeper: kills what the local AWS has started when the local AWS is gone, however it went.

A process of its own session that reads lines from a pipe whose only writer is the local AWS: ``+123`` when the process
group 123 was started, ``-123`` when it has ended. At the end of the pipe it kills every group still there. A signal at
the parent's death (``PR_SET_PDEATHSIG``) would not do: it follows the thread that forked, is cleared on entering a user
namespace, reaches no grandchildren, and does not exist on macOS.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


class Keeper:
    """The local AWS's side of the pipe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._process = self._spawn()

    def watch(self, group: int) -> None:
        """Kill this process group when the local AWS is gone."""
        with self._lock:
            self._groups.add(group)
            self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """The process group has ended."""
        with self._lock:
            self._groups.discard(group)
            self._tell(f"-{group}\n")

    def close(self) -> None:
        """Kill the process groups still there, and end."""
        with self._lock:
            assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.wait(5)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        try:
            self._process.stdin.write(line.encode())
        except (OSError, ValueError):
            # Somebody killed the keeper; a new one takes over all groups.
            self._process = self._spawn()
            for group in self._groups:
                assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
                self._process.stdin.write(f"+{group}\n".encode())

    @staticmethod
    def _spawn() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, start_new_session=True, bufsize=0, cwd="/"
        )


def keep() -> None:
    """The keeper's own process: read until the writer is gone, then kill what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    keep()
