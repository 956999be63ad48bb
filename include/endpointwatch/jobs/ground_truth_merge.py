"""The merge of captures with ground truth under Model Monitor's own environment contract.

This is how AWS's monitoring schedules start the merger's image, before the analysis of model quality or bias. Contract:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from endpointwatch.capture.files import SUFFIXES
from endpointwatch.capture.files import files as files_in
from endpointwatch.config.ground_truth import LabelRecord
from endpointwatch.config.window import Window
from endpointwatch.errors import CaptureError, PlanError
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.merging import here
from endpointwatch.jobs.plan import PROCESSING_PATH
from endpointwatch.merge.batch import batch_captures
from endpointwatch.merge.sources import Read, Sources
from endpointwatch.reports import files

_log = logging.getLogger(__name__)


def run(container: Container) -> int:
    """Write merged records below ``output_path``, in the folders of their captures, and ``merge.json``; 0.

    Raises:
        PlanError: The environment asks for something that is not there or cannot be done.
        CaptureError: Captures or labels cannot be read at all, or no capture has a label.
    """
    captures = container.path(container.require("dataset_source"))
    labels = container.path(container.require("ground_truth_source"))
    output = container.path(container.require("output_path"))
    sources = Sources(
        captures=captures,
        labels=labels,
        record=_record(container),
        window=_window(container),
        read_captures=_reader(container.require("dataset_format"), captures),
    )
    if not files_in(labels):
        raise CaptureError(f"Could not find any ground truth under directory {labels}. Deliver labels, then run again.")
    scratch = container.path(PROCESSING_PATH)
    merged = here(sources, output, scratch=scratch if scratch.is_dir() else None, keep_folders=True)
    files.write_text(output / files.MERGE, merged.to_json())
    _log.info("captures %s", merged.captures)
    _log.info("labels %s", merged.labels)
    for fault in (*merged.captures_set_aside, *merged.set_aside)[:10]:
        _log.warning("set aside: %s:%d: %s", fault.file, fault.line, fault.reason)
    if not merged.captures.matched:
        raise CaptureError(
            f"No capture has a label: {merged.captures.captures} captures in the window, {merged.labels.labels} labels."
            " A label's eventMetadata.eventId must be the capture's inferenceId, or its eventId where it has none."
        )
    return 0


def _reader(text: str, folder: Path) -> Read | None:
    """How the captures are read; None for those of an endpoint.

    Raises:
        PlanError: ``dataset_format`` is none that can be merged.
    """
    try:
        form: dict[str, Any] = json.loads(text)
        (name,) = form
        options = form[name] or {}
    except (ValueError, TypeError) as error:
        raise PlanError(f'dataset_format is {text!r}; it must be {{"sagemakerCaptureJson": …}} or the like.') from error
    if name == "sagemakerCaptureJson":
        if not files_in(folder, SUFFIXES):
            raise CaptureError(
                f"Could not find any json file under directory {folder}. Please verify if the provided dataset path is "
                "correct or if data capturing in your Endpoint is turned on."
            )
        return None
    if name == "csv":
        return partial(batch_captures, folder, form="csv", header=str(options.get("header", False)).lower() == "true")
    if name == "json":
        return partial(batch_captures, folder, form="json")
    raise PlanError(f"dataset_format {name!r} cannot be merged; use sagemakerCaptureJson, csv or json.")


def _record(container: Container) -> LabelRecord:
    """AWS's label record, unless the keys of another are named (an addition of ours)."""
    keys = {"id": "ground_truth_id", "data": "ground_truth_data", "encoding": "ground_truth_encoding"}
    named = {name: container.environment[key] for name, key in keys.items() if container.environment.get(key)}
    try:
        return LabelRecord.model_validate(named)
    except ValueError as error:
        raise PlanError(f"{', '.join(keys.values())} must be keys joined by dots: {error}") from error


def _window(container: Container) -> Window | None:
    start, end = container.environment.get("start_time"), container.environment.get("end_time")
    if not start and not end:
        return None
    if not start or not end:
        raise PlanError("start_time and end_time must both be set, or neither.")
    try:
        return Window.of(datetime.fromisoformat(start), datetime.fromisoformat(end))
    except ValueError as error:
        raise PlanError(f"start_time {start!r} or end_time {end!r} is no time: {error}") from error
