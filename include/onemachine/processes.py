"""Starting processes that outlive their starter, and finding and ending every one of them again.

A component is started in a session of its own, so that Ctrl-C in the terminal or the death of the starter does not
touch it, and is recorded by process id and start time (ids are used again by the system). Whatever happened since
then, its processes are found by any of four signs: the record, descent from a recorded process, the session that a
recorded process leads, and the mark in the environment. A process without a single one of them is never touched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from onemachine.environment import MARK
from onemachine.errors import StackError
from onemachine.settings import Settings

GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)
CLOCK_SLACK_SECONDS = 2.0  # a process's start time is derived from the boot time, which moves when the clock is set
LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Record:
    """What is known about a started component, as kept in ``.local/run/<name>.json``.

    Attributes:
        name: The component.
        pid: Its process id, which is also its session's id.
        created: When that process began, seconds since the epoch, as the system reports it.
        fingerprint: Of the settings it was started with.
        log: File of its output.
    """

    name: str
    pid: int
    created: float
    fingerprint: str
    log: str

    def process(self) -> psutil.Process | None:
        """The recorded process if it still runs, and is not another one with the same id."""
        with suppress(*GONE):
            if self.is_it():
                process = psutil.Process(self.pid)
                return process if process.status() != psutil.STATUS_ZOMBIE else None
        return None

    def is_it(self) -> bool | None:
        """Whether the process with that id, a zombie or not, is the recorded one; None when there is no process."""
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.created) <= CLOCK_SLACK_SECONDS)
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True, slots=True)
class Runs:
    """The records of one stack.

    Attributes:
        folder: Where they lie.
        mark: Value of the mark in the environment of the stack's processes.
    """

    folder: Path
    mark: str

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        fingerprint: str = "",
        user: tuple[int, int] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` detached, its output appended to ``log``, and record it.

        Args:
            name: The component's name.
            command: Program and arguments.
            environment: The whole environment; the mark must stand in it.
            log: File for stdout and stderr.
            fingerprint: Of the settings, see :class:`Record`.
            user: User and group id to run as; None keeps ours.
            cwd: Working directory; None is the root of the file system, which every user can enter.

        Raises:
            StackError: The program cannot be started.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            output.write(f"--- {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {name} starts\n".encode())
            output.flush()
            try:
                child = subprocess.Popen(
                    command,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=cwd or Path("/"),
                    start_new_session=True,
                    umask=0o077,
                    user=user[0] if user else None,
                    group=user[1] if user else None,
                    extra_groups=[] if user else None,
                )
            except OSError as error:
                raise StackError(f"{name} cannot be started: {command[0]}: {error.strerror or error}.") from error
        with suppress(*GONE):  # a process that has ended at once is noticed by whoever waits for it
            created = psutil.Process(child.pid).create_time()
            record = Record(name, child.pid, created, fingerprint, str(log))
            draft = self.folder / f"{name}.json.new"
            draft.write_text(json.dumps(asdict(record)))
            draft.replace(self._file(name))
        return child

    def record(self, name: str) -> Record | None:
        try:
            return Record(**json.loads(self._file(name).read_text()))
        except (OSError, ValueError, TypeError):
            # No record, or one cut short by a crash: the marks still find its process.
            return None

    def records(self) -> list[Record]:
        names = sorted(file.stem for file in self.folder.glob("*.json") if file.name != "stack.json")
        return [record for name in names if (record := self.record(name))]

    def forget(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def running(self, name: str) -> psutil.Process | None:
        """The component's own process, or None when it does not run."""
        record = self.record(name)
        return record.process() if record else None

    def members(self, name: str | None = None) -> list[psutil.Process]:
        """Every living process of one component, or (``None``) of the whole stack; never this process or its parents.

        For one component the mark does not count, since all components carry the same.
        """
        records = self.records() if name is None else [r for r in [self.record(name)] if r]
        # The system does not give a session's id to another process while the session has members: if its leader is
        # gone, its members are still ours; if the id now belongs to another process, our session is gone.
        leaders = {record.pid for record in records if record.is_it() is not False}
        alive = {record.pid for record in records if record.process()}
        spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(*GONE, psutil.AccessDenied, ProcessLookupError, PermissionError):
                ours = process.pid in alive or os.getsid(process.pid) in leaders
                if process.pid in spared or not (ours or (name is None and self._marked(process))):
                    continue
                # Asked last: it is a file to read for every process of the machine.
                if process.status() != psutil.STATUS_ZOMBIE:
                    found[process.pid] = process
        for process in list(found.values()):
            with suppress(*GONE):
                for child in process.children(recursive=True):
                    if child.pid not in spared:
                        found.setdefault(child.pid, child)
        return list(found.values())

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _marked(self, process: psutil.Process) -> bool:
        return process.environ().get(MARK) == self.mark


def end(
    processes: Iterable[psutil.Process], *, grace: float, by: signal.Signals = signal.SIGTERM
) -> list[psutil.Process]:
    """Ask ``processes`` to end and wait up to ``grace`` seconds; those still alive are returned."""
    asked = list(processes)
    for process in asked:
        with suppress(*GONE):
            process.send_signal(by)
    return wait(asked, grace)


def wait(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until ``processes`` have ended; those that have not after ``seconds`` are returned."""
    alive = list(processes)
    deadline = time.monotonic() + seconds
    while alive := [process for process in alive if _alive(process)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    return alive


def _alive(process: psutil.Process) -> bool:
    # A zombie has ended: it only waits for its parent, which may be the caller of `up`, to take note.
    with suppress(*GONE):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def runs_of(settings: Settings) -> Runs:
    """The records of the stack that lives in the settings' state folder."""
    return Runs(settings.run, mark=str(settings.local))
