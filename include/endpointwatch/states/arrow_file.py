"""A state's file: one Arrow table, the version of its form, and what stands beside the table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

_VERSION_KEY, _ABOUT_KEY = b"endpointwatch.state.version", b"endpointwatch.state.about"


def write(
    table: pa.Table,
    path: Path,
    *,
    version: str,
    about: Mapping[str, Any],
    compression: Literal["lz4", "zstd"] | None = None,
) -> None:
    """Replace ``path`` by Arrow IPC; the same table and ``about`` (anything JSON has) give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {_VERSION_KEY: version.encode(), _ABOUT_KEY: json.dumps(about).encode()}
    table = table.replace_schema_metadata(metadata).combine_chunks()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)


def read(path: Path, *, version: str) -> tuple[pa.Table, dict[str, Any]]:
    """The table kept in ``path`` and what stands beside it.

    Raises:
        ValueError: The file is no state, or one of another version than ``version``.
    """
    try:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is no state file ({error}); run the window again.") from error
    metadata = table.schema.metadata or {}
    found = metadata.get(_VERSION_KEY, b"none").decode()
    if found != version:
        raise ValueError(
            f"{path} holds a state of version {found}, this package reads {version}; run the window again."
        )
    return table, json.loads(metadata[_ABOUT_KEY])
