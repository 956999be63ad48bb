"""Which captured objects belong to a window, and a hash that says which they were."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import capture_prefixes
from endpointwatch.config.window import Window
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import StoreHook

_log = logging.getLogger(__name__)
# What the analyzer reads; others (markers, somebody's notes) are no captures.
CAPTURED = (".jsonl", ".json", ".jsonl.gz", ".json.gz")

# SageMaker's `{yyyy}/{mm}/{dd}/{hh}/{mm-ss-fff-uuid}.jsonl`: when the object was begun.
_BEGAN = re.compile(r"/(\d{4}/\d{2}/\d{2}/\d{2}/\d{2}-\d{2})-\d{3}-[^/]+$")


def capture_root(endpoint: Endpoint) -> str:
    """Where SageMaker puts the endpoint's captures, a folder a variant; without a trailing slash."""
    return f"{endpoint.capture.destination_uri}/{endpoint.name}"


def captured(store: StoreHook, endpoint: Endpoint, window: Window) -> tuple[StoredObject, ...]:
    """Every captured object of the window's clock hours, of all variants, ordered by key.

    For a window that is no whole hour these are more than the window's own; the job filters by inference time.
    """
    variants = store.folders(capture_root(endpoint))
    hours = capture_prefixes(endpoint, window)
    found = [item for variant in variants for hour in hours for item in store.objects(variant + hour)]
    # A key that ends with a slash is a folder somebody made in the console: nothing is in it.
    if others := sorted(item.uri for item in found if not item.key.endswith((*CAPTURED, "/"))):
        _log.warning("%d objects are no captures and are not read: %s", len(others), ", ".join(others[:10]))
    return tuple(sorted((item for item in found if item.key.endswith(CAPTURED)), key=lambda item: item.key))


def newest_before(objects: Iterable[StoredObject], end: datetime) -> datetime | None:
    """When the newest of the objects arrived that can hold requests from before ``end``; None when there is none.

    A window that is no whole hour shares its last folder with traffic that goes on: objects begun at its end or later,
    by their names, hold nothing of it. An object of another name may hold anything.
    """
    return max((item.modified_at for item in objects if not _begun_since(item.key, end)), default=None)


def _begun_since(key: str, end: datetime) -> bool:
    match = _BEGAN.search(f"/{key}")
    if match is None:
        return False
    try:
        return datetime.strptime(match[1], "%Y/%m/%d/%H/%M-%S").replace(tzinfo=UTC) >= end
    except ValueError:
        return False


def manifest_hash(objects: Iterable[StoredObject]) -> str:
    """SHA-256 over keys and ETags: the same inputs give the same hash, wherever and whenever they are listed."""
    lines = sorted(f"{item.key}\t{item.etag}\n" for item in objects)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def manifest(root: str, objects: Sequence[StoredObject]) -> str:
    """A SageMaker manifest file (``S3DataType=ManifestFile``) that names exactly these objects below ``root``."""
    prefix = root.rstrip("/") + "/"
    return json.dumps([{"prefix": prefix}, *(item.uri.removeprefix(prefix) for item in objects)], indent=0) + "\n"
