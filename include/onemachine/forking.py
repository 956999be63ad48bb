"""What the processes that Airflow forks find loaded already.

The scheduler forks every task and the DAG processor every parse of a file. Most of a short task's CPU time goes into
what each of them would do alike: import the project's operators and read AWS's service models. Here it is done once,
by the process that forks, before its first fork. The project's files may be edited while the stack runs: whether they
have been is looked at before each fork (about a millisecond), and then they are loaded again.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.loaders import JSONFileLoader

_log = logging.getLogger(__name__)
#: Packages of the project that tasks import, and the one whose modules import all the others.
PACKAGES = ("endpointwatch", "endpointwatch_airflow")
ENTRANCE = "endpointwatch_airflow.pipelines"
#: Services whose clients the operators make.
SERVICES = ("s3", "sagemaker", "cloudwatch")


class Loaded:
    """Modules that are kept loaded as their files stand.

    Args:
        packages: Top-level packages; all of their modules are forgotten when one of their files changes.
        entrance: A package each of whose modules is imported, and by that what those import.
    """

    def __init__(self, packages: Sequence[str] = PACKAGES, entrance: str = ENTRANCE) -> None:
        self._packages = frozenset(packages)
        self._entrance = entrance
        self._files: dict[Path, tuple[int, int] | None] = {}

    def refresh(self) -> None:
        """Load the modules, unless they are loaded and their files are as they were.

        What cannot be imported is left to the forked process, which says why.
        """
        if self._files and all(_stamp(file) == stamp for file, stamp in self._files.items()):
            return
        for name in [name for name in sys.modules if name.partition(".")[0] in self._packages]:
            del sys.modules[name]
        importlib.invalidate_caches()
        folders = [folder for name in self._packages for folder in _folders(name)]
        self._files = {file: _stamp(file) for folder in folders for file in Path(folder).rglob("*.py")}
        try:
            for module in pkgutil.iter_modules(importlib.import_module(self._entrance).__path__):
                importlib.import_module(f"{self._entrance}.{module.name}")
        except Exception as error:  # noqa: BLE001 - whatever is wrong with an edited file, the fork must go on
            _log.warning("%s is not loaded before tasks are forked: %r", self._entrance, error)


def share_service_models(services: Sequence[str] = SERVICES) -> None:
    """Read the services' models now, and each file of botocore's only once in this process and its children."""
    JSONFileLoader.load_file = staticmethod(functools.cache(JSONFileLoader().load_file))  # type: ignore[method-assign]
    # boto3's stubs list every service as a literal; the name is an argument here.
    session: Any = boto3.Session(region_name="us-east-1")
    for service in services:
        session.client(service)


def prepare(*, services: Sequence[str]) -> None:
    """Do both before this process and its children fork; service models only once.

    Args:
        services: As :func:`share_service_models` takes them.
    """
    loaded = Loaded()
    share = functools.cache(lambda: share_service_models(services))

    def before() -> None:
        share()
        loaded.refresh()

    os.register_at_fork(before=before)


def _folders(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
