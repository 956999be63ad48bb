"""Choosing ports, remembering them, and saying who holds one that is taken."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Collection
from contextlib import suppress

import psutil

from onemachine.components import POCKETAWS, POSTGRES
from onemachine.errors import PortInUseError, StackError
from onemachine.settings import HOST, Settings

DYING_SECONDS = 5.0
FILE = "stack.json"
# component → (field of the settings, variable, what a person calls it)
PORTS = {
    POSTGRES: ("postgres_port", "ENDPOINTWATCH_POSTGRES_PORT", "Airflow's PostgreSQL"),
    POCKETAWS: ("aws_port", "ENDPOINTWATCH_AWS_PORT", "the local AWS"),
    "api-server": ("airflow_port", "ENDPOINTWATCH_AIRFLOW_PORT", "Airflow"),
}


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are only lingering in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def choose(asked: int, *, taken: Collection[int] = ()) -> int:
    """``asked``, or any free port when it is 0; never one of ``taken``."""
    while asked == 0 or asked in taken:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, 0))
            candidate: int = probe.getsockname()[1]
        if candidate not in taken:
            return candidate
    return asked


def require_free(port: int, *, what: str, setting: str) -> None:
    """Make sure that ``what`` can listen on ``port``.

    Raises:
        PortInUseError: It cannot; the text names the port, its holder where the system tells, and the setting.
    """
    holder = _holder(port)
    deadline = time.monotonic() + DYING_SECONDS
    while not holder and not is_free(port) and time.monotonic() < deadline:
        # No holder to be seen: another user's process, or one that is just being killed and will let go of the port.
        time.sleep(0.1)
        holder = _holder(port)
    if is_free(port):
        return
    who = holder or "a process that this user may not see"
    raise PortInUseError(
        f"Port {port}, wanted for {what}, is in use by {who}. End that process, or choose another port: "
        f"`{setting}={_neighbour(port)} make up` ({setting}=0 takes any free one)."
    )


def _neighbour(port: int) -> int:
    return next((other for other in range(port + 1, min(port + 200, 65535)) if is_free(other)), 0)


def _holder(port: int) -> str:
    """Which process listens on ``port``; empty when the system does not tell, or none does."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                process = psutil.Process(connection.pid)
                command = " ".join(process.cmdline())[:100] or process.name()
                return f"process {connection.pid} ({command}; user {process.username()})"
    return ""


def in_use(asked: Settings) -> Settings:
    """``asked`` with the ports of the stack that runs from the same state folder, if one does."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads((asked.run / FILE).read_text())
        return asked.on(**{key: int(kept[key]) for key, _, _ in PORTS.values()})
    return asked


def remember(settings: Settings) -> None:
    """Keep the ports in the state folder, for whoever asks after this process has gone."""
    settings.run.mkdir(parents=True, exist_ok=True)
    (settings.run / FILE).write_text(json.dumps({key: getattr(settings, key) for key, _, _ in PORTS.values()}))


def forget(settings: Settings) -> None:
    (settings.run / FILE).unlink(missing_ok=True)


def require_same(asked: Settings, used: Settings) -> None:
    """Make sure that nobody asks for other ports than those of the stack that runs already.

    Raises:
        StackError: The environment names another port.
    """
    for key, setting, what in PORTS.values():
        wanted, has = getattr(asked, key), getattr(used, key)
        if wanted not in (0, has) and os.environ.get(setting):
            raise StackError(f"{setting} asks for port {wanted}, but {what} runs on {has}: `make down` first.")


def assign(used: Settings, missing: list[str]) -> Settings:
    """The settings with a free port for each of the ``missing`` components.

    Raises:
        PortInUseError: A port that was asked for is taken.
    """
    chosen: dict[str, int] = {}
    for name, (key, setting, what) in PORTS.items():
        asked: int = getattr(used, key)
        if name in missing:
            if asked:
                require_free(asked, what=what, setting=setting)
            if asked and asked in chosen.values():
                raise StackError(f"{setting}={asked}: another component of this stack has that port already.")
            asked = choose(asked, taken=set(chosen.values()))
        chosen[key] = asked
    return used.on(**chosen)
