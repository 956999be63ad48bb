"""The stored states that a window is held against where the endpoint's file asks for earlier windows."""

from __future__ import annotations

from collections.abc import Collection

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.held_against import FixedBaseline
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import StoreHook

#: What is read of each window, and of each of its segments.
FILES = ("state.arrow", "verdict.json")


def held_against_earlier(endpoint: Endpoint) -> bool:
    """Whether any monitor holds its windows against earlier ones."""
    return any(
        isinstance(settings, DataQuality) and not isinstance(settings.baseline, FixedBaseline)
        for settings in endpoint.monitors
    )


def earlier_states(
    store: StoreHook, endpoint: Endpoint, window: Window, monitors: Collection[str]
) -> tuple[StoredObject, ...]:
    """States and verdicts of the earlier windows that ``window`` is held against, as far as they are on record.

    Ordered by monitor and window, the oldest first; empty where all monitors are held against their learnt baselines.
    """
    layout = Layout.of(endpoint)
    asked = (settings for settings in endpoint.monitors if settings.kind in monitors)
    return tuple(
        item
        for settings in asked
        if isinstance(settings, DataQuality) and not isinstance(settings.baseline, FixedBaseline)
        for one in settings.baseline.earlier(window)
        for item in store.objects(f"{layout.window(settings.kind, one)}/")
        if item.key.rpartition("/")[2] in FILES
    )
