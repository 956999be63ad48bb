"""Stacks for end-to-end tests: a state folder of their own, free ports, folders that tests may add files to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from onemachine import postgres
from onemachine import stack as onemachine
from onemachine.settings import REPOSITORY, Settings
from onemachine.stack import Stack

PARSE_AGAIN = "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"


def settings_in(folder: Path, *more: Path) -> Settings:
    """Settings of a stack below ``folder``, with the project's DAG files and endpoints.

    Args:
        folder: An empty one.
        more: DAG files besides; one of the same name takes the place of the project's.
    """
    dags = folder / "dags"
    dags.mkdir()
    files = {file.name: file for file in [*(REPOSITORY / "dags").glob("*.py"), *more]}
    for name, file in {**files, ".airflowignore": REPOSITORY / "dags" / ".airflowignore"}.items():
        (dags / name).symlink_to(file)
    endpoints = folder / "endpoints"
    shutil.copytree(REPOSITORY / "include" / "endpoints", endpoints)
    return Settings.read(
        {
            "ENDPOINTWATCH_LOCAL_DIR": str(folder / "local"),
            "ENDPOINTWATCH_AIRFLOW_PORT": "0",
            "ENDPOINTWATCH_AWS_PORT": "0",
            "ENDPOINTWATCH_POSTGRES_PORT": "0",
            "ENDPOINTWATCH_DAGS_DIR": str(dags),
            "ENDPOINTWATCH_ENDPOINTS_DIR": str(endpoints),
            "ENDPOINTWATCH_PASS": PARSE_AGAIN,
        }
    )


@contextmanager
def running(settings: Settings) -> Iterator[Stack]:
    """The running stack; its state is removed at the end, its logs stay.

    DAG files are parsed at its start and seldom again; a test that adds an endpoint's file waits for that.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PARSE_AGAIN, "60")
        try:
            yield onemachine.up(settings)
        finally:
            onemachine.down(settings)
            assert processes_of(settings) == set(), "processes are left after down"
            if settings.shared.exists():
                shutil.rmtree(settings.shared)


def processes_of(settings: Settings) -> set[int]:
    """By a way of its own: everything whose command line or open files lie in the state folder."""
    places = (str(settings.local), str(postgres.data_folder(settings)))
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            texts = [*process.cmdline(), process.cwd(), *(file.path for file in process.open_files())]
            with suppress(OSError):
                texts += [str(Path(f"/proc/{process.pid}/fd/{n}").readlink()) for n in (1, 2)]
            if process.pid != os.getpid() and any(text.startswith(places) for text in texts):
                found.add(process.pid)
    return found
