"""Airflow's plugin loader runs every file it sees; .airflowignore keeps it off our package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from onemachine.settings import REPOSITORY

pytestmark = pytest.mark.slow

PROGRAM = """
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
print("LOADED", sorted(plugin.name for plugin in plugins))
print("ERRORS", sorted(errors.values()))
"""
PLUGIN = """
from airflow.plugins_manager import AirflowPlugin
class Probe(AirflowPlugin):
    name = "probe"
"""


def load(folder, home):
    variables = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(REPOSITORY / "include"),
    }
    command = [sys.executable, "-P", "-c", PROGRAM]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True, cwd=home).stdout


@pytest.fixture
def folder(tmp_path):
    """A plugins folder with a plugin, and a file in the package that must not be run."""
    (tmp_path / "plugins" / "endpointwatch_airflow" / "hooks").mkdir(parents=True)
    (tmp_path / "plugins" / "probe_plugin.py").write_text(PLUGIN)
    for name in ("trap.py", "hooks/trap.py"):
        (tmp_path / "plugins" / "endpointwatch_airflow" / name).write_text("raise RuntimeError('the loader ran me')")
    shutil.copy(REPOSITORY / "plugins" / ".airflowignore", tmp_path / "plugins")
    return tmp_path / "plugins"


def test_the_loader_runs_plugins_beside_the_package_and_nothing_in_it(folder, tmp_path):
    shown = load(folder, tmp_path)
    assert "probe" in shown
    assert "ERRORS []" in shown


def test_without_the_ignore_file_it_would_run_the_package(folder, tmp_path):
    (folder / ".airflowignore").unlink()
    assert "the loader ran me" in load(folder, tmp_path)


def test_the_projects_own_plugin_loads_without_errors(tmp_path):
    shown = load(REPOSITORY / "plugins", tmp_path)
    assert "endpointwatch" in shown
    assert "ERRORS []" in shown
