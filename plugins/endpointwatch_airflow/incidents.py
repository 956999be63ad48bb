"""The incidents on record in S3, brought up to what the verdicts say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from endpointwatch.config.decision import Rule
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions.incidents import Incident, around, incidents_of, state_of
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.store import StoreHook

Read = Callable[[Window], tuple[Verdict, ...]]
#: Verdicts that come while incidents are brought up to date are looked at again; so often windows do not end together.
PASSES: Final = 5


def verdicts_on(store: StoreHook, endpoint: Endpoint, window: Window) -> Iterator[Verdict]:
    """The verdicts on a window of all the endpoint's monitors, as far as there are any."""
    for monitor in endpoint.monitors:
        text = store.read(Layout.of(endpoint).verdict(monitor.kind, window))
        if text is not None:
            yield Verdict.model_validate_json(text)


def keep(store: StoreHook, endpoint: Endpoint, window: Window, *, now: datetime) -> tuple[Incident, ...]:
    """Bring the incidents that ``window`` belongs to up to date: opened, updated, closed, joined or parted.

    What is written follows from the verdicts on record alone. Windows end in parallel, so after writing all is read
    again, and written again if it has changed: whoever writes last has seen everything.

    Args:
        store: Where verdicts and incidents lie.
        endpoint: Whose rules make incidents.
        window: A window that was judged.
        now: No window that ends later can have been judged, so none is asked for. It decides nothing.

    Returns:
        The incidents of all rules around the window.
    """
    incidents, written = _pass(store, endpoint, window, now)
    for _ in range(PASSES):
        if not written:
            break
        incidents, written = _pass(store, endpoint, window, now)
    return incidents


def _pass(store: StoreHook, endpoint: Endpoint, window: Window, now: datetime) -> tuple[tuple[Incident, ...], bool]:
    """The incidents around the window, and whether anything had to be written."""
    layout, settings = Layout.of(endpoint), endpoint.decision.incidents
    read = _reader(store, endpoint, max(now, window.end))
    stored = [item.uri for item in store.objects(f"{layout.incidents()}/")]
    found: list[Incident] = []
    written = False
    for rule in endpoint.rules:
        near = _before(store, layout, rule, window, stored)
        if state_of(read(window), rule) != "counts" and (near is None or not near.reaches(window)):
            continue
        verdicts = around(window, read, rule, settings)
        incidents = incidents_of(verdicts, rule, settings)
        found += incidents
        wanted = {layout.incident(rule.name, one.first): one.to_json() for one in incidents}
        looked_at = {layout.incident(rule.name, verdict.window) for verdict in verdicts}
        for uri in sorted((looked_at & set(stored)) - wanted.keys()):
            store.delete(uri)
            written = True
        for uri, text in wanted.items():
            if uri not in stored or store.read(uri) != text:
                store.write(uri, text)
                written = True
    return tuple(found), written


def _reader(store: StoreHook, endpoint: Endpoint, now: datetime) -> Read:
    known: dict[Window, tuple[Verdict, ...]] = {}

    def read(window: Window) -> tuple[Verdict, ...]:
        if window not in known:
            known[window] = () if window.end > now else tuple(verdicts_on(store, endpoint, window))
        return known[window]

    return read


def _before(store: StoreHook, layout: Layout, rule: Rule, window: Window, stored: list[str]) -> Incident | None:
    """The stored incident of windows as long as this one that begins last, of those that begin no later than it."""
    folder = f"{layout.incidents()}/{rule.name}/"
    starts = {
        first: uri
        for uri in stored
        if uri.startswith(folder)
        and (first := Window.at(uri.removeprefix(folder).removesuffix(".json"))) is not None
        and first.length == window.length
        and first.start <= window.start
    }
    if not starts:
        return None
    uri = starts[max(starts, key=lambda first: first.start)]
    text = store.read(uri)
    try:
        return None if text is None else Incident.model_validate_json(text)
    except ValueError as error:
        raise NotRetriedError(
            f"{uri} is no record of an incident ({error}). Delete it: it is made again from the verdicts."
        ) from error
