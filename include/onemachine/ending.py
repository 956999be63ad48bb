"""Ending what was started: in order where there is time, and to the last process."""

from __future__ import annotations

import signal
from contextlib import suppress

import psutil

from onemachine import postgres, processes
from onemachine.components import ENDINGS
from onemachine.errors import StackError
from onemachine.processes import Runs
from onemachine.settings import Settings


def end_together(runs: Runs, names: tuple[str, ...]) -> None:
    """Ask several components to end at the same time, then end what is left of them."""
    leaders = [process for name in names if (process := runs.running(name))]
    every = [process for name in names for process in runs.members(name)]
    processes.end(leaders, grace=max(ENDINGS[name].grace for name in names), by=ENDINGS[names[0]].by)
    end_processes([*every, *(process for name in names for process in runs.members(name))], 0)
    for name in names:
        runs.forget(name)


def end_component(runs: Runs, name: str) -> None:
    leader = runs.running(name)
    every = runs.members(name)
    if leader:
        processes.end([leader], grace=ENDINGS[name].grace, by=ENDINGS[name].by)
    # Helpers of a component that ended in order get a moment to end their own business; what is left is killed.
    end_processes([*every, *runs.members(name)], 3 if leader else 0)
    runs.forget(name)


def end_processes(found: list[psutil.Process], grace: float) -> None:
    left = processes.wait(found, grace)
    if left:
        processes.end(left, grace=5, by=signal.SIGKILL)


def end_strays(settings: Settings, runs: Runs) -> None:
    for _ in range(5):  # a process may start another between the look and the signal
        strays = [*runs.members(), *stray_server(settings)]
        if not strays:
            return
        with suppress(psutil.AccessDenied):
            end_processes(strays, 0)
    left = [*runs.members(), *stray_server(settings)]
    if left:
        names = ", ".join(f"{process.pid} ({process.username()})" for process in left)
        raise StackError(f"Processes that could not be ended: {names}. End them as their user, or as root.")


def stray_server(settings: Settings) -> list[psutil.Process]:
    """The database server of our data folder, whoever started it; it writes over the mark in its environment."""
    pid = postgres.server_pid(settings)
    data = str(postgres.data_folder(settings))
    with suppress(psutil.Error):
        if pid is not None:
            server = psutil.Process(pid)
            if data in server.cmdline() and server.status() != psutil.STATUS_ZOMBIE:
                return [server, *server.children(recursive=True)]
    return []
