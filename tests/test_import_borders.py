"""Each import border is proved by breaking it on a copy: a checker that cannot fail guards nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

BREACHES = {
    "a monitor reads a report": (
        "include/endpointwatch/monitors/__init__.py",
        "import endpointwatch.reports.verdict",
        "The engine's imports run downhill",
    ),
    "the configuration reads a state": (
        "include/endpointwatch/config/window.py",
        "import endpointwatch.states",
        "The engine's imports run downhill",
    ),
    "the engine meets boto3": ("include/endpointwatch/capture/__init__.py", "import boto3", "The engine knows neither"),
    "the engine meets Airflow": ("include/endpointwatch/errors.py", "import airflow", "The engine knows neither"),
    "a state meets Spark": (
        "include/endpointwatch/states/moments.py",
        "import pyspark",
        "Only the modules named for it meet Spark",
    ),
    "an operator meets boto3": (
        "plugins/endpointwatch_airflow/operators/__init__.py",
        "import boto3",
        "Only hooks meet boto3",
    ),
    "a pipeline imports the local AWS": (
        "plugins/endpointwatch_airflow/pipelines/__init__.py",
        "import pocketaws",
        "What talks to AWS never imports the local AWS",
    ),
    "the local AWS imports the engine": (
        "include/pocketaws/__init__.py",
        "import endpointwatch",
        "The local AWS knows nothing of what uses it",
    ),
}


def check_borders(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{root / 'include'}{os.pathsep}{root / 'plugins'}"}
    checker = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(checker), "--config", ".importlinter", "--no-cache"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("include", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_borders_hold_as_the_project_stands() -> None:
    result = check_borders(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("file", "line", "contract"), BREACHES.values(), ids=BREACHES)
def test_a_breach_is_noticed_and_named(copy: Path, file: str, line: str, contract: str) -> None:
    source = copy / file
    source.write_text(source.read_text() + f"\n{line}\n")

    result = check_borders(copy)

    assert result.returncode == 1, result.stdout
    broken = [row for row in result.stdout.splitlines() if " BROKEN" in row]
    assert [row for row in broken if row.startswith(contract)], result.stdout
