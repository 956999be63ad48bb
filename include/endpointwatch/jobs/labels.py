"""The part of a monitoring job that comes before the monitors that need labels: the window's merge, once."""

from __future__ import annotations

import logging

from endpointwatch.config.layout import RECORDS
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.merging import merged
from endpointwatch.jobs.monitors.duty import merge_folder
from endpointwatch.jobs.plan import CAPTURE_PATH, GROUND_TRUTH_PATH, PROCESSING_PATH, MonitorPlan
from endpointwatch.merge.parts import Watch
from endpointwatch.merge.sources import Sources
from endpointwatch.reports import files
from endpointwatch.reports.labels import WindowLabels, percent

_log = logging.getLogger(__name__)


def window_labels(plan: MonitorPlan, container: Container, watch: Watch | None = None) -> WindowLabels | None:
    """Merge the window's captures with the labels that are there, into ``merge/<window.path>/``, before ``watch``.

    No label at all is no error: then every capture is unmatched. None when the endpoint has no ``ground_truth``.

    Raises:
        CaptureError: The captures cannot be read at all.
    """
    limits = plan.endpoint.ground_truth
    if limits is None:
        return None
    folder = merge_folder(plan, container)
    truth = container.path(GROUND_TRUTH_PATH)
    sources = Sources(
        captures=container.path(CAPTURE_PATH),
        labels=truth if truth.is_dir() else None,
        record=limits.record,
        window=plan.window,
    )
    told = merged(sources, folder / RECORDS, scratch=container.path(PROCESSING_PATH), watch=watch)
    told = told.model_copy(update={"labels_manifest": plan.labels_manifest})
    files.write_text(folder / files.MERGE, told.to_json())
    labels = WindowLabels(told, limits, plan.labels_manifest, plan.labels_closed)
    _log.info("labels: %s of %d captures; %s", percent(labels.coverage or 0.0), told.captures.captures, told.labels)
    return labels
