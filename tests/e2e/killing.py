"""``kill -9``, one process at a time, and everything started again as a user starts it: ``make up``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from onemachine import stack as onemachine
from onemachine.airflow_api import AirflowApi
from onemachine.settings import Settings

SCHEDULER, TRIGGERER, AWS, TASK = "scheduler", "triggerer", "pocketaws", "task process"
PATIENCE = 240.0
#: A stopped task goes on in steps of so many seconds, so that it is caught between two of its calls.
STEP = 0.008


@dataclass(frozen=True, slots=True)
class Kill:
    """One of them.

    Attributes:
        point: The task of the DAG in whose middle it fell.
        victim: What was killed.
        seen: What was under way at that moment, as Airflow and the local AWS say.
        seconds: Until everything ran again; of a task process: until it was dead.
    """

    point: str
    victim: str
    seen: str
    seconds: float


@dataclass
class Killer:
    """Kills parts of a stack.

    Attributes:
        settings: The stack's.
        airflow: A session with its Airflow.
        kills: What was done, in order.
    """

    settings: Settings
    airflow: AirflowApi
    kills: list[Kill] = field(default_factory=list)

    def component(self, point: str, name: str, seen: Callable[[], str]) -> None:
        """Kill a component and start it again; nothing else may have ended."""
        process = onemachine.runs_of(self.settings).running(name)
        assert process is not None, f"{name} does not run"
        under_way, began = seen(), time.monotonic()
        os.kill(process.pid, signal.SIGKILL)
        again = onemachine.up(self.settings, say=onemachine.quiet)
        assert set(again.started) == {name}
        self.kills.append(Kill(point, name, under_way, time.monotonic() - began))

    def task(self, point: str, process: psutil.Process, seen: Callable[[], str]) -> None:
        """Kill a task's process."""
        under_way, began = seen(), time.monotonic()
        process.kill()
        until(lambda: not alive(process), f"{process} is not dead")
        self.kills.append(Kill(point, TASK, under_way, time.monotonic() - began))

    def caught(self, dag_id: str, run_id: str, task_id: str, *, after: int = 0) -> psutil.Process:
        """The process of a task that runs, stopped (SIGSTOP) where it is.

        Args:
            dag_id: The DAG.
            run_id: The run.
            task_id: The task.
            after: Only a later try than this one.
        """

        def look() -> psutil.Process | None:
            found = self.airflow.task_instance(dag_id, run_id, task_id)
            if found["state"] != "running" or found["try_number"] <= after or not found["pid"]:
                return None
            with suppress(psutil.Error):
                process = psutil.Process(found["pid"])
                process.suspend()
                return process
            return None

        return until(look, f"{task_id} does not run", every=0.03)

    def led(self, process: psutil.Process, reached: Callable[[], bool]) -> None:
        """Let a stopped process go on in small steps until something is ``reached``; it is stopped there."""
        end = time.monotonic() + PATIENCE
        while not reached():
            assert alive(process), f"{process} ended before"
            assert time.monotonic() < end, f"{process} does not get there"
            process.resume()
            time.sleep(STEP)
            process.suspend()

    @contextmanager
    def jobs_held(self) -> Iterator[Callable[[], None]]:
        """Jobs of the local AWS can be held in their middle, by SIGSTOP, until the block is left.

        Yields a function that waits for a job's processes and stops them.
        """
        held: list[psutil.Process] = []
        home = str(self.settings.pocketaws_home / "jobs")

        def running() -> list[psutil.Process]:
            found = []
            for process in onemachine.runs_of(self.settings).members(AWS):
                with suppress(psutil.Error):
                    if process.environ().get("HOME", "").startswith(home):
                        found.append(process)
            return found

        def hold() -> None:
            held.extend(until(running, "no job runs", every=0.03))
            for process in held:
                with suppress(psutil.Error):
                    process.suspend()

        try:
            yield hold
        finally:
            for process in held:
                with suppress(psutil.Error):
                    process.resume()


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def until(look: Callable[[], Any], otherwise: str, *, every: float = 0.1) -> Any:
    """What ``look`` finds, once it finds something."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, otherwise
        time.sleep(every)
    return found
