"""Which of the windows that were asked for a data set is made of."""

from __future__ import annotations

from collections.abc import Iterable

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.training import Recipe, Training
from endpointwatch.config.window import Window
from endpointwatch.jobs.plan import Excluded
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.store import StoreHook


def sorted_out(
    store: StoreHook, endpoint: Endpoint, training: Training, windows: Iterable[Window]
) -> tuple[tuple[Window, ...], tuple[Excluded, ...]]:
    """The windows that the recipe takes, in their order, and those that it leaves out, each with its reason.

    Raises:
        NotRetriedError: It leaves out all of them.
    """
    taken, excluded = [], []
    for window in windows:
        reason = _marked(window, training.recipe) or _status(store, endpoint, window, training.recipe)
        if reason:
            excluded.append(Excluded(window=window, reason=reason))
        else:
            taken.append(window)
    if not taken:
        told = "; ".join(f"{one.window.path}: {one.reason}" for one in excluded)
        raise NotRetriedError(
            f"`training.recipe` leaves out every window that was asked for ({told}). Give other windows, or change "
            "`exclude_windows` or `exclude_statuses`; the champion stays."
        )
    return tuple(taken), tuple(excluded)


def _marked(window: Window, recipe: Recipe) -> str | None:
    for bad in recipe.exclude_windows:
        if bad.start < window.end and window.start < bad.end:
            return f"exclude_windows has {bad.start:%Y-%m-%dT%H:%MZ} to {bad.end:%Y-%m-%dT%H:%MZ}"
    return None


def _status(store: StoreHook, endpoint: Endpoint, window: Window, recipe: Recipe) -> str | None:
    if not recipe.exclude_statuses:
        return None
    for monitor in endpoint.monitors:
        text = store.read(Layout.of(endpoint).verdict(monitor.kind, window))
        if text is not None and (verdict := Verdict.model_validate_json(text)).status in recipe.exclude_statuses:
            return f"the {monitor.kind} verdict is {verdict.status}"
    return None
