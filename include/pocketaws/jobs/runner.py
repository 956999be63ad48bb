"""The queue of jobs: at most N run at once, the others wait in the order in which they were created."""

from __future__ import annotations

import shutil
import threading
from collections import deque
from typing import TYPE_CHECKING

from pocketaws import events
from pocketaws.faults import invalid
from pocketaws.jobs.job import Job
from pocketaws.jobs.processing import ProcessingJob
from pocketaws.jobs.training import TrainingJob
from pocketaws.store import Record

if TYPE_CHECKING:
    from pocketaws.world import World

KINDS: dict[str, type[Job]] = {job.kind: job for job in (ProcessingJob, TrainingJob)}
RESTARTED = (
    "InternalServerError: the local AWS was restarted while this job was {}, and a job is not resumed. Start it again "
    "under another name."
)
SHUT_DOWN = (
    "InternalServerError: the local AWS was stopped while this job was running, and a job is not resumed. Start it "
    "again under another name."
)
CLOSING_GRACE_SECONDS = 3.0


class Runner:
    """Workers that take jobs from the queue.

    Args:
        world: The local AWS; ``settings.max_jobs`` is the number of workers.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._changed = threading.Condition()
        self._waiting: deque[tuple[str, str]] = deque()
        self._running: dict[tuple[str, str], Job] = {}
        self._closing = False
        # Looked at before the URL answers: what is created from now on is nobody's leftover.
        self._cut_off = [
            (kind, record)
            for kind in KINDS
            for record in world.store.all(kind)
            if record[f"{kind}Status"] in {"InProgress", "Stopping"}
        ]
        self._workers = [
            threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
            for number in range(world.settings.max_jobs)
        ]

    def start(self) -> None:
        """Fail what an earlier process left unfinished, unless it may be tried again, and begin to work."""
        for kind, record in self._cut_off:
            job, name = KINDS[kind], record[f"{kind}Name"]
            if record[f"{kind}Status"] == "InProgress" and job.tried_again(record):
                self.submit(kind, name)
            else:
                job(self._world, name).end(
                    "Failed", reason=RESTARTED.format("running" if f"{kind[:-3]}StartTime" in record else "queued")
                )
        shutil.rmtree(self._world.settings.home / "jobs", ignore_errors=True)
        for worker in self._workers:
            worker.start()

    def submit(self, kind: str, name: str) -> None:
        """Put a job whose record exists into the queue."""
        with self._changed:
            self._waiting.append((kind, name))
            self._changed.notify()

    def stop(self, kind: str, name: str) -> None:
        """Stop a job: ``Stopping`` now, ``Stopped`` when its container has ended.

        Raises:
            Fault: There is no such job, or it has ended.
        """
        status = f"{kind}Status"

        def stopping(record: Record) -> Record:
            if record[status] not in {"InProgress", "Stopping"}:
                raise invalid(f"The request was rejected because the {_words(kind)} job is in status {record[status]}.")
            return KINDS[kind].stopping(record)

        with self._changed:
            record = self._world.store.change(kind, name, stopping)
            queued = (kind, name) in self._waiting
            if queued:
                self._waiting.remove((kind, name))
            job = self._running.get((kind, name))
        events.state_changed(self._world, kind, record)
        if job is not None:
            job.stop()
        elif queued:
            KINDS[kind](self._world, name).end("Stopped")

    def close(self) -> None:
        """End what runs. Jobs that wait are failed by the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            jobs = list(self._running.values())
        for job in jobs:
            job.stop(CLOSING_GRACE_SECONDS, failure=SHUT_DOWN)
        for worker in self._workers:
            if worker.is_alive():
                worker.join(CLOSING_GRACE_SECONDS + 2)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                kind, name = self._waiting.popleft()
                job = self._running[kind, name] = KINDS[kind](self._world, name)
            try:
                job.run()
            finally:
                with self._changed:
                    del self._running[kind, name]


def _words(kind: str) -> str:
    return kind.removesuffix("Job").lower()
