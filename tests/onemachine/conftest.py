"""A stack whose Airflow and local AWS are fakes of a few milliseconds; its PostgreSQL is real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from onemachine import postgres, stack
from onemachine.settings import Settings

FAKES = Path(__file__).parent / "fakes"


@pytest.fixture(scope="session")
def initialised(tmp_path_factory) -> Iterator[Settings]:
    """A stack whose database has been initialised once, to be copied: that is most of what a first start costs."""
    made = _settings_in(tmp_path_factory.mktemp("initialised"))
    stack.up(made, say=stack.quiet)
    stack.down(made, say=stack.quiet)
    yield made
    stack.clean(made, say=stack.quiet)


@pytest.fixture
def settings(tmp_path, monkeypatch, initialised) -> Iterator[Settings]:
    """A stack of its own on free ports; whatever is left of it is ended after the test."""
    with _stack_in(tmp_path, monkeypatch) as made:
        subprocess.run(["cp", "-a", postgres.data_folder(initialised), _installed(initialised, made)], check=True)
        yield made


@pytest.fixture(scope="module")
def lasting(tmp_path_factory, initialised) -> Iterator[Settings]:
    """A stack that runs, for the tests of a file that only look at it."""
    folder = tmp_path_factory.mktemp("lasting")
    with pytest.MonkeyPatch.context() as patch, _stack_in(folder, patch) as made:
        subprocess.run(["cp", "-a", postgres.data_folder(initialised), _installed(initialised, made)], check=True)
        yield stack.up(made, say=stack.quiet).settings


@pytest.fixture(scope="module")
def used_database(initialised) -> Path:
    """Where the database lies between the tests of a file that write nothing into it: on the same file system."""
    return postgres.data_folder(initialised).with_name("used")


@pytest.fixture
def settings_with_used_database(tmp_path, monkeypatch, initialised, used_database) -> Iterator[Settings]:
    """As ``settings``, but the database is that of the test before if its server was ended in order: no copy."""
    with _stack_in(tmp_path, monkeypatch) as made:
        source, data = postgres.data_folder(initialised), _installed(initialised, made)
        if used_database.exists():
            used_database.rename(data)
        else:
            subprocess.run(["cp", "-a", source, data], check=True)
        yield made
        with suppress(Exception):
            stack.down(made, say=stack.quiet)
        if data.exists() and postgres.server_pid(made) is None:
            data.rename(used_database)


@contextmanager
def _stack_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    made = _settings_in(folder)
    for name in ("ENDPOINTWATCH_AIRFLOW_PORT", "ENDPOINTWATCH_AWS_PORT", "ENDPOINTWATCH_POSTGRES_PORT"):
        monkeypatch.delenv(name, raising=False)
    yield made
    with suppress(Exception):
        stack.clean(made, say=stack.quiet)
    for pid in noted(made):
        with suppress(psutil.Error):
            psutil.Process(pid).kill()
    shutil.rmtree(made.shared, ignore_errors=True)


def _installed(source: Settings, target: Settings) -> Path:
    """Make the target know the source's passwords; the folder for its data, which is still missing."""
    target.airflow_home.mkdir(parents=True)
    shutil.copy(source.airflow_home / "secrets.json", target.airflow_home)
    data = postgres.data_folder(target)
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(postgres.data_folder(source).parent / "postgres.installation", data.parent)
    return data


def _settings_in(folder: Path) -> Settings:
    repository = folder / "project"
    for environment in (".venv", ".venv-pocketaws"):
        (repository / environment / "bin").mkdir(parents=True)
        (repository / environment / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    shutil.copytree(FAKES, repository / "include")
    ports = dict.fromkeys(("ENDPOINTWATCH_AIRFLOW_PORT", "ENDPOINTWATCH_AWS_PORT", "ENDPOINTWATCH_POSTGRES_PORT"), "0")
    return Settings.read({**ports, "ENDPOINTWATCH_LOCAL_DIR": str(folder / "local")}, repository=repository)


def noted(settings: Settings) -> set[int]:
    """Every process that the fakes have ever started, by their own account."""
    file = settings.local / "pids"
    return {int(line) for line in file.read_text().split()} if file.exists() else set()


def alive(settings: Settings) -> set[int]:
    """Those that still run, and the database server's."""
    data = str(postgres.data_folder(settings))
    pids = noted(settings)
    pids |= {process.pid for process in psutil.process_iter(["cmdline"]) if data in (process.info["cmdline"] or [])}
    living = set()
    for pid in pids - {os.getpid()}:
        with suppress(psutil.Error):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                living.add(pid)
    return living


@pytest.fixture
def is_alive():
    return alive


@pytest.fixture
def make_settings():
    return _settings_in
