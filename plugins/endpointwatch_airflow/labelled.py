"""Which monitors need labels, and which ground-truth objects can hold those of some windows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from endpointwatch.config.bias import Bias
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.ground_truth import GroundTruth
from endpointwatch.config.model_quality import ModelQuality
from endpointwatch.config.window import Window
from endpointwatch.errors import ConfigError
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import StoreHook

HOUR: Final = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/(\d{2})/[^/]+\.jsonl?(?:\.gz)?$")
#: The settings of the monitors whose jobs ask for labels; the jobs themselves are not imported here, they are heavy.
NEED_LABELS: Final = (ModelQuality, Bias)


def label_monitors(endpoint: Endpoint) -> tuple[str, ...]:
    """The endpoint's monitors that need labels, by kind."""
    return tuple(settings.kind for settings in endpoint.monitors if isinstance(settings, NEED_LABELS))


def limits_of(endpoint: Endpoint) -> GroundTruth:
    """Where the labels lie by which windows are judged, and how long they are waited for.

    Raises:
        ConfigError: The endpoint has no ``ground_truth`` section.
    """
    if endpoint.ground_truth is None:
        raise ConfigError(f"Endpoint {endpoint.name!r} has no `ground_truth` section, so no labels to judge by.")
    return endpoint.ground_truth


def closed(limits: GroundTruth, window: Window, now: datetime) -> bool:
    """Whether the window is so old at ``now`` that its verdict is final, whatever labels came."""
    return now >= window.end + timedelta(hours=limits.maximum_age_hours)


def window_labels(
    store: StoreHook, endpoint: Endpoint, window: Window, monitors: Collection[str]
) -> tuple[StoredObject, ...] | None:
    """The ground-truth objects for a job of ``monitors`` on ``window``; None when none of them needs labels."""
    if endpoint.ground_truth is None or not set(label_monitors(endpoint)) & set(monitors):
        return None
    return labels_since(store, endpoint.ground_truth.uri, (window,))


def labels_since(store: StoreHook, root: str, windows: Iterable[Window]) -> tuple[StoredObject, ...]:
    """Every ground-truth object below ``root`` from the hour in which the first window starts on, ordered by key.

    A label's hour is the one in which it became known, which may be long after the prediction: there is no last hour
    to stop at. It is never before the prediction, so earlier hours need not be read, and are not listed: keys begin
    with their hour. ``root`` has no trailing slash.
    """
    windows = tuple(windows)
    first = _first_hour(windows)
    found = store.objects(f"{root}/", after=start_after(root, windows))
    return tuple(sorted((item for item in found if _hour(item.key) >= first), key=lambda item: item.key))


def start_after(root: str, windows: Iterable[Window]) -> str:
    """Below ``root``, no object whose URI sorts before this one can hold a label of the windows."""
    return f"{root}/{_first_hour(windows):%Y/%m/%d/%H}/"


def of_window(objects: Iterable[StoredObject], window: Window) -> tuple[StoredObject, ...]:
    """Those of the ground-truth ``objects`` that can hold the window's labels, as :func:`labels_since` finds them."""
    first = _first_hour((window,))
    return tuple(item for item in objects if _hour(item.key) >= first)


def _first_hour(windows: Iterable[Window]) -> datetime:
    return min(window.start for window in windows).replace(minute=0, second=0)


def _hour(key: str) -> datetime:
    """The hour of an object's folder; the beginning of time for what is no ground-truth file (a marker, a readme)."""
    match = HOUR.search(f"/{key}")
    try:
        return datetime.strptime("".join(match.groups()) if match else "", "%Y%m%d%H").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
