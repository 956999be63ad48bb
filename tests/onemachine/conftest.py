"""A stack whose Airflow and local AWS are fakes of a few milliseconds; its PostgreSQL is real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
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
    made = _settings_in(tmp_path)
    _copy_database(initialised, made)
    for name in ("ENDPOINTWATCH_AIRFLOW_PORT", "ENDPOINTWATCH_AWS_PORT", "ENDPOINTWATCH_POSTGRES_PORT"):
        monkeypatch.delenv(name, raising=False)
    yield made
    with suppress(Exception):
        stack.clean(made, say=stack.quiet)
    for pid in noted(made):
        with suppress(psutil.Error):
            psutil.Process(pid).kill()
    shutil.rmtree(made.shared, ignore_errors=True)


def _copy_database(source: Settings, target: Settings) -> None:
    target.airflow_home.mkdir(parents=True)
    shutil.copy(source.airflow_home / "secrets.json", target.airflow_home)
    data = postgres.data_folder(target)
    data.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", postgres.data_folder(source), data], check=True)
    shutil.copy(postgres.data_folder(source).parent / "postgres.installation", data.parent)


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
