"""Airflow's plugin loader runs every file it sees; .airflowignore keeps it off our package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from onemachine.settings import REPOSITORY

pytestmark = pytest.mark.slow

# Importing Airflow takes seconds; each folder is loaded in a child of the process that has.
PROGRAM = """
import os, sys
from airflow import plugins_manager, settings
for folder in sys.argv[1:]:
    print("FOLDER", folder, flush=True)
    if not (child := os.fork()):
        sys.path[sys.path.index(settings.PLUGINS_FOLDER)] = folder
        settings.PLUGINS_FOLDER = folder
        plugins, errors = plugins_manager._get_plugins()
        print("LOADED", sorted(plugin.name for plugin in plugins))
        print("ERRORS", sorted(errors.values()), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
PLUGIN = """
from airflow.plugins_manager import AirflowPlugin
class Probe(AirflowPlugin):
    name = "probe"
"""


PROJECT = REPOSITORY / "plugins"


def folder_in(place):
    """A plugins folder with a plugin, and a file in the package that must not be run."""
    (place / "endpointwatch_airflow" / "hooks").mkdir(parents=True)
    (place / "probe_plugin.py").write_text(PLUGIN)
    for name in ("trap.py", "hooks/trap.py"):
        (place / "endpointwatch_airflow" / name).write_text("raise RuntimeError('the loader ran me')")
    return place


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the loader says of three folders: the project's own, one with the ignore file and one without."""
    home = tmp_path_factory.mktemp("airflow")
    folders = {"project": PROJECT, "ignoring": folder_in(home / "ignoring"), "plain": folder_in(home / "plain")}
    shutil.copy(PROJECT / ".airflowignore", folders["ignoring"])
    variables = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(REPOSITORY / "include"),
    }
    command = [sys.executable, "-P", "-c", PROGRAM, *map(str, folders.values())]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, cwd=home)
    parts = done.stdout.split("FOLDER ")[1:]
    return dict(zip(folders, parts, strict=True))


def test_the_loader_runs_plugins_beside_the_package_and_nothing_in_it(shown):
    assert "probe" in shown["ignoring"]
    assert "ERRORS []" in shown["ignoring"]


def test_without_the_ignore_file_it_would_run_the_package(shown):
    assert "the loader ran me" in shown["plain"]


def test_the_projects_own_plugin_loads_without_errors(shown):
    assert "LOADED ['endpointwatch" in shown["project"]
    assert "ERRORS []" in shown["project"]
