"""Bring the whole stack up, see how it is, take it down.

    from onemachine import stack
    running = stack.up()
    running.airflow_url, running.aws_url, running.login, running.environment
    stack.down()

``up`` starts what does not run and leaves the rest alone; ``down`` leaves no process of the stack behind, whatever
happened before. Both may be called from any process, again and again; a lock file keeps two of them apart.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from onemachine import components, environment, ports, postgres
from onemachine.components import AIRFLOW, NAMES, POCKETAWS, POSTGRES
from onemachine.credentials import load_or_make
from onemachine.ending import end_component, end_strays, end_together, stray_server
from onemachine.errors import NotSetUpError, StackError
from onemachine.processes import runs_of
from onemachine.settings import HOST, LOGIN, Settings
from onemachine.starting import EndedMeanwhileError, Say, Starter

READY_SECONDS = 240.0
LOOKS_AGAIN = 2  # when something that ran at the first look has ended since


def quiet(_: str) -> None:
    """Say nothing."""


def aloud(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that is up.

    Attributes:
        settings: With the ports that are really used.
        environment: All variables that a client, a task or an ``airflow`` command needs.
        login: User and password of Airflow's administrator.
        started: The components that this call started, with the seconds until each was ready.
    """

    settings: Settings
    environment: dict[str, str]
    login: tuple[str, str] = LOGIN
    started: dict[str, float] = field(default_factory=dict)

    @property
    def airflow_url(self) -> str:
        return self.settings.airflow_url

    @property
    def aws_url(self) -> str:
        return self.settings.aws_url

    def down(self) -> None:
        down(self.settings, say=quiet)


def up(settings: Settings | None = None, *, say: Say = aloud, ready_seconds: float = READY_SECONDS) -> Stack:
    """Start whatever of the stack does not run, and wait until all of it is ready.

    If it cannot be brought up, or is interrupted, what this call started is ended again.

    Raises:
        StackError: With the reason and the remedy; see :mod:`onemachine.errors`.
    """
    asked = settings or Settings.read()
    _require_environments(asked)
    began = time.monotonic()
    with _locked(asked, say):
        starter = Starter.preparing(asked, say, ready_seconds)
        try:
            for _ in range(LOOKS_AGAIN):
                try:
                    starter.start()
                    break
                except EndedMeanwhileError:
                    starter = Starter.preparing(asked, say, ready_seconds, earlier=starter)
            else:
                starter.start()
        except BaseException:  # Ctrl-C too: half a stack helps nobody
            say("Not ready; ending what was started.")
            for name in reversed([name for name in NAMES if name in starter.began]):
                end_component(runs_of(asked), name)
            raise
        settings = starter.settings
        if starter.took:
            say(f"Ready in {time.monotonic() - began:.1f} s.")
        else:
            say(f"Already running: Airflow {settings.airflow_url}, local AWS {settings.aws_url}.")
        return Stack(settings, environment.client(settings, starter.credentials, os.environ), started=starter.took)


def down(settings: Settings | None = None, *, say: Say = aloud) -> int:
    """End every process of the stack.

    Returns:
        How many processes there were.

    Raises:
        StackError: Some process cannot be ended, for example because it belongs to another user.
    """
    asked = settings or Settings.read()
    if not asked.local.exists() and not asked.shared.exists():
        say("Nothing is running.")
        return 0
    with _locked(asked, say):
        runs = runs_of(asked)
        found = {process.pid: process for process in [*runs.members(), *stray_server(asked)]}
        if found:
            say(f"Ending {len(found)} processes.")
        # Airflow's four at once, then what they talk to: the local AWS, and the database last.
        end_together(runs, AIRFLOW)
        end_component(runs, POCKETAWS)
        end_component(runs, POSTGRES)
        end_strays(asked, runs)
        ports.forget(asked)
        say("Down." if found else "Nothing was running.")
        return len(found)


def restart(settings: Settings | None = None, *, say: Say = aloud) -> Stack:
    """:func:`down`, then :func:`up` on the same ports."""
    asked = settings or Settings.read()
    kept = ports.in_use(asked)
    down(asked, say=say)
    return up(kept, say=say)


@dataclass(frozen=True, slots=True)
class Condition:
    """How one component is.

    Attributes:
        name: The component.
        pid: Its process, or None when it does not run.
        ready: Whether it answers.
        seconds: For how long it has been running.
        place: Where it listens, or an empty text.
    """

    name: str
    pid: int | None
    ready: bool
    seconds: float
    place: str


def status(settings: Settings | None = None) -> list[Condition]:
    """How each component of the stack is now."""
    used = ports.in_use(settings or Settings.read())
    runs = runs_of(used)
    processes_by_name = {name: runs.running(name) for name in NAMES}
    since = {name: process.create_time() for name, process in processes_by_name.items() if process}
    healthy = components.airflow_health(used, since=since) if since.keys() & set(AIRFLOW) else {}
    places = {
        POSTGRES: f"{HOST}:{used.postgres_port}",
        POCKETAWS: used.aws_url,
        "api-server": used.airflow_url,
    }
    rows = []
    for name, process in processes_by_name.items():
        if name == POSTGRES:
            ready = process is not None and postgres.is_ready(used, load_or_make(used.airflow_home))
        elif name == POCKETAWS:
            ready = process is not None and components.pocketaws_health(used) is not None
        else:
            ready = process is not None and healthy.get(name, False)
        age = time.time() - process.create_time() if process else 0.0
        rows.append(Condition(name, process.pid if process else None, ready, age, places.get(name, "")))
    return rows


def attach(settings: Settings | None = None) -> Stack:
    """The stack that is running, without starting anything.

    Raises:
        StackError: It does not run, or not all of it.
    """
    asked = settings or Settings.read()
    idle = [name for name in NAMES if runs_of(asked).running(name) is None]
    if idle:
        raise StackError(f"Not running: {', '.join(idle)}. Start it with `make up`.")
    used = ports.in_use(asked)
    return Stack(used, environment.client(used, load_or_make(used.airflow_home), os.environ))


def _require_environments(settings: Settings) -> None:
    absent = [str(python) for python in (settings.python, settings.pocketaws_python) if not python.exists()]
    if absent:
        raise NotSetUpError(f"{' and '.join(absent)} missing: run `make setup` first.")


@contextmanager
def _locked(settings: Settings, say: Say) -> Iterator[None]:
    """Keep other calls of :func:`up` and :func:`down` on this state folder out; a dead holder's lock is void."""
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            say(f"Waiting for another command on {settings.local} ({file.read().strip() or 'unknown process'}).")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}\n")
        file.flush()
        yield


def clean(settings: Settings | None = None, *, say: Say = aloud) -> None:
    """End the stack and remove everything it has written.

    A state folder that the user has chosen may hold other things too: there only the stack's own folders go.
    """
    asked = settings or Settings.read()
    down(asked, say=say)
    postgres.remove(asked)
    ours = [asked.airflow_home, asked.pocketaws_home, asked.local / "postgres", asked.run, asked.logs]
    if asked.local == asked.repository / ".local":
        ours = [asked.local]
    else:
        ours += [asked.local / "postgres.installation", asked.local / "demo"]
    for path in ours:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        asked.local.rmdir()
    say(f"Removed the state in {asked.local}.")
