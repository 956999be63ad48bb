"""After `down` no process of a real stack is left, however it was treated before.

Of the stacks that were treated well, the end of the tests asks the same (`stacks.running`).
"""

from __future__ import annotations

import os
import signal

import pytest
from stacks import processes_of

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


def test_no_process_is_left_after_down_when_every_component_was_killed_before(other_settings):
    onemachine.up(other_settings)
    assert len(processes_of(other_settings)) >= 6 + 6  # the components, and LocalExecutor's workers
    for record in onemachine.runs_of(other_settings).records():
        os.kill(record.pid, signal.SIGKILL)
    onemachine.down(other_settings)
    assert processes_of(other_settings) == set()
