"""One call of ``up``: what is missing is started in an order that respects who needs whom, and awaited."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from onemachine import components, environment, ports, postgres, succession
from onemachine.components import AIRFLOW, NAMES, POCKETAWS, POSTGRES
from onemachine.credentials import Credentials, load_or_make
from onemachine.ending import end_component, end_processes, end_strays, stray_server
from onemachine.errors import ComponentError
from onemachine.migration import migrate_if_needed
from onemachine.processes import Runs, runs_of
from onemachine.settings import Settings

POLL_SECONDS = 0.2

Say = Callable[[str], None]


class EndedMeanwhileError(ComponentError):
    """A component that was found running has ended since: look again."""


@dataclass(slots=True)
class Starter:
    """One call of :func:`up`."""

    settings: Settings
    credentials: Credentials
    runs: Runs
    missing: list[str]
    say: Say
    ready_seconds: float
    children: dict[str, Any] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    @classmethod
    def preparing(cls, asked: Settings, say: Say, ready_seconds: float, *, earlier: Starter | None = None) -> Starter:
        """Look at what runs, end what a missing component has left behind, and choose its port.

        Args:
            asked: The settings.
            say: Progress.
            ready_seconds: Limit of every wait.
            earlier: The look before this one in the same call of ``up``, during which something ended.
        """
        runs = runs_of(asked)
        missing = [name for name in NAMES if runs.running(name) is None]
        used = ports.in_use(asked) if len(missing) < len(NAMES) else asked
        ports.require_same(asked, used)
        for name in missing:
            # What a component that was killed has left behind would hold its port or write into its files.
            end_component(runs, name)
        if POSTGRES in missing:
            end_processes(stray_server(asked), 0)
        if len(missing) == len(NAMES):
            end_strays(asked, runs)
        used = ports.assign(used, missing)
        ports.remember(used)
        made = cls(used, load_or_make(used.airflow_home), runs, missing, say, ready_seconds)
        if earlier:
            made.children, made.began, made.took = earlier.children, earlier.began, earlier.took
        return made

    def start(self) -> None:
        settings = self.settings
        variables = environment.component(settings, self.credentials, os.environ)
        environment.write_logins(settings)
        if POCKETAWS in self.missing:
            self._launch(POCKETAWS, components.pocketaws_command(settings), variables)
        if POSTGRES in self.missing:
            self.began[POSTGRES] = time.monotonic()
            installation, command = postgres.prepare(settings, self.credentials)
            who = postgres.account()
            self.say(f"PostgreSQL {installation.version} from {installation.binaries}")
            server_variables = {"PATH": variables["PATH"], environment.MARK: variables[environment.MARK], "LC_ALL": "C"}
            self._launch(POSTGRES, command, server_variables, user=(who.uid, who.gid) if who else None)
        self._await({POSTGRES: lambda: postgres.is_ready(settings, self.credentials)})
        migrate_if_needed(settings, self.credentials, variables, self.say, meanwhile=self._require_all_alive)
        succession.close_records(settings, self.credentials, self.missing)
        for name in AIRFLOW:
            if name in self.missing:
                self._launch(name, components.airflow_command(settings, name), variables)
        since = {name: process.create_time() for name in AIRFLOW if (process := self.runs.running(name))}
        checks: dict[str, Callable[[], bool]] = {
            POCKETAWS: lambda: components.pocketaws_health(settings) is not None,
        }
        for name in AIRFLOW:
            checks[name] = _health_check(settings, name, since)
        self._await(checks)
        for name in NAMES:  # a process that was about to die may have looked healthy by its last heartbeat
            self._require_alive(name)

    def _launch(
        self, name: str, command: list[str], variables: dict[str, str], user: tuple[int, int] | None = None
    ) -> None:
        self.began.setdefault(name, time.monotonic())
        self.children[name] = self.runs.start(
            name,
            command,
            environment=variables,
            log=self.settings.logs / f"{name}.log",
            fingerprint=fingerprint(command),
            user=user,
        )

    def _await(self, checks: dict[str, Callable[[], bool]]) -> None:
        waiting = dict(checks)
        deadline = time.monotonic() + self.ready_seconds
        while waiting:
            for name, check in list(waiting.items()):
                self._require_alive(name)
                if check():
                    del waiting[name]
                    if name in self.began:
                        self.took[name] = time.monotonic() - self.began[name]
                        self.say(f"  {name:<14} ready after {self.took[name]:5.1f} s")
            if waiting and time.monotonic() > deadline:
                names = ", ".join(waiting)
                raise ComponentError(
                    f"Not ready after {self.ready_seconds:.0f} s: {names}.\n{self._said(next(iter(waiting)))}"
                )
            if waiting:
                time.sleep(POLL_SECONDS)

    def _require_all_alive(self) -> None:
        for name in self.children:
            self._require_alive(name)

    def _require_alive(self, name: str) -> None:
        child = self.children.get(name)
        if child is not None and child.poll() is not None:
            raise ComponentError(f"{name} ended with code {child.returncode} while starting.\n{self._said(name)}")
        if child is None and self.runs.running(name) is None:
            raise EndedMeanwhileError(f"{name} was running and has ended meanwhile.\n{self._said(name)}")

    def _said(self, name: str) -> str:
        log = self.settings.logs / f"{name}.log"
        with suppress(OSError):
            return f"The end of {log}:\n{components.tail(log.read_text(errors='replace').splitlines())}"
        return f"It has written nothing to {log}."


def fingerprint(command: list[str]) -> str:
    return hashlib.sha256("\0".join([version("apache-airflow"), *command]).encode()).hexdigest()[:16]


def _health_check(settings: Settings, name: str, since: dict[str, float]) -> Callable[[], bool]:
    return lambda: components.airflow_health(settings, since=since)[name]
