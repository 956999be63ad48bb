"""Which ground-truth objects can hold the labels of some windows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from endpointwatch.config.window import Window
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import StoreHook

HOUR: Final = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/(\d{2})/[^/]+\.jsonl?(?:\.gz)?$")


def labels_since(store: StoreHook, root: str, windows: tuple[Window, ...]) -> tuple[StoredObject, ...]:
    """Every ground-truth object below ``root`` from the hour in which the first window starts on, ordered by key.

    A label's hour is the one in which it became known, which may be long after the prediction: there is no last hour
    to stop at. It is never before the prediction, so earlier hours need not be read. ``root`` has no trailing slash.
    """
    first = min(window.start for window in windows).replace(minute=0, second=0)
    found = (item for item in store.objects(f"{root}/") if _hour(item.key) >= first)
    return tuple(sorted(found, key=lambda item: item.key))


def _hour(key: str) -> datetime:
    """The hour of an object's folder; the beginning of time for what is no ground-truth file (a marker, a readme)."""
    match = HOUR.search(f"/{key}")
    try:
        return datetime.strptime("".join(match.groups()) if match else "", "%Y%m%d%H").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
