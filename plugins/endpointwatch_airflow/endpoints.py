"""The endpoints that DAG files build from, read once per parse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from airflow.sdk import get_parsing_context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.loader import SUFFIXES, load, load_all
from endpointwatch.errors import ConfigError

FOLDER_VARIABLE: Final = "ENDPOINTWATCH_ENDPOINTS_DIR"
SEPARATOR: Final = "__"


def folder() -> Path:
    """Where the YAML files lie: ``$ENDPOINTWATCH_ENDPOINTS_DIR``, else ``include/endpoints`` of this project."""
    return Path(os.environ.get(FOLDER_VARIABLE) or Path(__file__).parents[2] / "include" / "endpoints")


def dag_id(endpoint: str, pipeline: str) -> str:
    return f"{endpoint}{SEPARATOR}{pipeline}"


def declared(pipeline: str) -> Iterator[Endpoint]:
    """The endpoints to build the pipeline's DAG for; files with faults are left to :func:`require_all`.

    Every task start parses its DAG file again, for one DAG: then only that DAG's endpoint is read.
    """
    wanted = get_parsing_context().dag_id
    if wanted is None:
        yield from _good(folder())
        return
    name, _, asked = wanted.rpartition(SEPARATOR)
    if asked == pipeline:
        yield from _named(folder(), name)


def require_all() -> None:
    """Raise every fault of every file at once.

    Airflow drops all DAGs of a file that raises, so exactly one DAG file calls this, and builds no DAG itself.

    Raises:
        ConfigError: At least one file is wrong, or the folder is missing.
    """
    load_all(folder()).require_all()


def _good(place: Path) -> Iterator[Endpoint]:
    try:
        yield from load_all(place)
    except ConfigError:
        # No folder: reported by `require_all`, once.
        return


def _named(place: Path, name: str) -> Iterator[Endpoint]:
    for suffix in sorted(SUFFIXES):
        try:
            endpoint = load(place / f"{name}{suffix}")
        except ConfigError:
            continue
        if endpoint.name == name:
            yield endpoint
            return
    # The file is called otherwise than its endpoint: look into all of them.
    yield from (endpoint for endpoint in _good(place) if endpoint.name == name)
