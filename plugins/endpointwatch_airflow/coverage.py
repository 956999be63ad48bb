"""How many of a window's captures have a label, counted as a judgement counts it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch_airflow.captured import capture_root, captured
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.labelled import labels_since, limits_of


def label_coverage(store: StoreHook, endpoint: Endpoint, window: Window) -> float | None:
    """The share of the window's captures that have a label now; None without captures.

    Brings captures and labels to this machine's disk, and merges them there with the jobs' own code.

    Raises:
        ConfigError: The endpoint has no ``ground_truth`` section.
        CaptureError: Captures or labels cannot be read at all.
    """
    # Loads numerical libraries, which nothing else on an Airflow worker needs.
    from endpointwatch.merge.merge import merge  # noqa: PLC0415
    from endpointwatch.merge.sources import Sources  # noqa: PLC0415

    limits = limits_of(endpoint)
    inputs = captured(store, endpoint, window)
    if not inputs:
        return None
    with tempfile.TemporaryDirectory(prefix="endpointwatch-") as place:
        folders = [Path(place) / name for name in ("captures", "labels", "merged")]
        for folder in folders:
            folder.mkdir()
        _fetch(store, inputs, capture_root(endpoint), folders[0])
        _fetch(store, labels_since(store, limits.uri, (window,)), limits.uri, folders[1])
        return merge(Sources(folders[0], folders[1], limits.record, window), folders[2]).coverage


def _fetch(store: StoreHook, objects: Iterable[StoredObject], root: str, folder: Path) -> None:
    for item in objects:
        store.download(item.uri, folder / item.uri.removeprefix(f"{root}/"))
