"""After `down` no process of a real stack is left, however it was treated before."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from onemachine import postgres
from onemachine import stack as onemachine
from onemachine.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def other_settings(tmp_path_factory):
    """A second stack, beside that of the session; it has no DAGs."""
    folder = tmp_path_factory.mktemp("second")
    (folder / "dags").mkdir()
    zero = dict.fromkeys((f"ENDPOINTWATCH_{part}_PORT" for part in ("AIRFLOW", "AWS", "POSTGRES")), "0")
    made = Settings.read(
        {**zero, "ENDPOINTWATCH_LOCAL_DIR": str(folder / "local"), "ENDPOINTWATCH_DAGS_DIR": str(folder / "dags")}
    )
    yield made
    onemachine.clean(made)


def processes_of(settings) -> set[int]:
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


@pytest.mark.parametrize("treated", ["well", "by killing every component"])
def test_no_process_is_left_after_down(other_settings, treated):
    onemachine.up(other_settings)
    assert len(processes_of(other_settings)) >= 6 + 6  # the components, and LocalExecutor's workers
    if treated != "well":
        for record in onemachine.runs_of(other_settings).records():
            os.kill(record.pid, signal.SIGKILL)
    onemachine.down(other_settings)
    assert processes_of(other_settings) == set()
