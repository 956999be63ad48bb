"""A window's merged records in S3: what a job uploads replaces files of the same name, but removes none."""

from __future__ import annotations

import logging

from endpointwatch.config.layout import MERGE, RECORDS, Layout
from endpointwatch.config.window import Window
from endpointwatch.merge.counts import Merged
from endpointwatch.reports import files
from endpointwatch_airflow.hooks.store import StoreHook

_log = logging.getLogger(__name__)


def remove_surplus(store: StoreHook, layout: Layout, window: Window) -> None:
    """Remove merged files of an earlier merge with more records; those that ``merge.json`` names stay."""
    folder = layout.window(MERGE, window)
    text = store.read(f"{folder}/{files.MERGE}")
    if text is None:
        return
    current = {f"{folder}/{RECORDS}/{name}" for name in Merged.model_validate_json(text).files}
    for found in store.objects(f"{folder}/{RECORDS}/"):
        if found.uri not in current:
            _log.info("removing %s, which is of an earlier merge", found.uri)
            store.delete(found.uri)
