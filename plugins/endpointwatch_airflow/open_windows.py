"""The windows whose verdicts wait for labels, and which of them there is something new about."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.ground_truth import GroundTruth
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.captured import manifest_hash
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.labelled import closed, label_monitors, labels_since, of_window

_log = logging.getLogger(__name__)
VERDICT: Final = "/verdict.json"
#: A window of up to a day may have begun so long before the first moment that matters.
MARGIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window whose verdict labels can still change.

    Attributes:
        window: The window.
        coverage: The share of its captures that had a label when it was judged; None without captures.
        labels_manifest: The labels it was judged by.
    """

    window: Window
    coverage: float | None
    labels_manifest: str | None


def open_windows(store: StoreHook, endpoint: Endpoint, limits: GroundTruth, now: datetime) -> tuple[OpenWindow, ...]:
    """Every window that waits for labels, the oldest first.

    Looks at the verdicts on windows that are young enough to wait, and at those that waited the last time, however old
    they are by now. At the first time, at all of them.
    """
    layout = Layout.of(endpoint)
    told = store.read(layout.open_windows())
    waited = _windows(told) if told else ()
    since = now - timedelta(hours=limits.maximum_age_hours) - MARGIN if told else None
    found: dict[Window, OpenWindow] = {}
    for monitor in label_monitors(endpoint):
        root = f"{layout.root}/{monitor}"
        candidates = {*_judged(store, root, since), *waited}
        for window in candidates:
            verdict = _verdict(store, layout.verdict(monitor, window))
            # Of several monitors the first that waits speaks for the window: one merge serves them all.
            if verdict is not None and verdict.waits_for_labels and window not in found:
                found[window] = OpenWindow(window, verdict.label_coverage, verdict.labels_manifest)
    return tuple(sorted(found.values(), key=lambda one: (one.window.start, one.window.end)))


def due(store: StoreHook, limits: GroundTruth, waiting: tuple[OpenWindow, ...], now: datetime) -> tuple[Window, ...]:
    """Those that are to be judged again: other labels are there than they were judged by, or their time is up.

    Lists label objects from the hour of the oldest of them on, once. What has changed follows from the hash in each
    verdict, so labels that are delivered again, replaced, or put into an hour long past are seen as well; and a window
    whose judgement failed is still due the next time.
    """
    if not waiting:
        return ()
    labels = labels_since(store, limits.uri, [one.window for one in waiting])
    return tuple(
        one.window
        for one in waiting
        if closed(limits, one.window, now) or manifest_hash(of_window(labels, one.window)) != one.labels_manifest
    )


def document(waiting: tuple[OpenWindow, ...]) -> str:
    """``labels/open.json``."""
    windows = [{"window": one.window.path, "label_coverage": one.coverage} for one in waiting]
    return json.dumps({"version": "1", "windows": windows}, indent=2) + "\n"


def _windows(text: str) -> tuple[Window, ...]:
    found = (Window.at(str(one["window"])) for one in json.loads(text)["windows"])
    return tuple(window for window in found if window is not None)


def _judged(store: StoreHook, root: str, since: datetime | None) -> Iterator[Window]:
    """The windows with a verdict below ``root``, a monitor's folder, from the hour of ``since`` on."""
    after = f"{root}/{since:%Y/%m/%d/%H}" if since is not None else None
    for item in store.objects(f"{root}/", after=after):
        if item.uri.endswith(VERDICT):
            window = Window.at(item.uri.removeprefix(f"{root}/").removesuffix(VERDICT))
            if window is not None:
                yield window


def _verdict(store: StoreHook, uri: str) -> Verdict | None:
    text = store.read(uri)
    try:
        return Verdict.model_validate_json(text) if text is not None else None
    except ValidationError as error:
        _log.warning("%s is no verdict and is left alone: %s", uri, error)
        return None
