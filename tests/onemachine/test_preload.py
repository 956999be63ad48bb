"""Scheduler and DAG processor load once what each of their children would load anew; the other components do not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from onemachine import environment
from onemachine.credentials import Credentials
from onemachine.settings import REPOSITORY, Settings

pytestmark = pytest.mark.slow


def loaded(component, tmp_path) -> set[str]:
    settings = Settings.read({"ENDPOINTWATCH_LOCAL_DIR": str(tmp_path)}, repository=REPOSITORY)
    credentials = Credentials.make()
    variables = environment.component(settings, credentials, {"PATH": os.environ["PATH"]})
    command = [sys.executable, "-P", "-X", "importtime", "-m", "airflow", component, "--help"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "usage" in done.stdout.lower()
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize(("component", "wanted"), [("scheduler", True), ("triggerer", False)])
def test_who_forks_loads_boto3_before(tmp_path, component, wanted):
    names = loaded(component, tmp_path)
    assert "airflow_local_settings" in names
    assert ("boto3" in names) == wanted
    assert not {name for name in names if name.startswith(("endpointwatch", "polars", "sklearn"))}
