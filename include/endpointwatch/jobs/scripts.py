"""Model Monitor's own scripts around an analysis: ``preprocess_handler`` makes a row of each record,
``postprocess_handler`` is called once the report is written.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-and-post-processing.html
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import runpy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from endpointwatch.capture.documents import DATA_SET, UnreadableError, row_of
from endpointwatch.capture.files import SUFFIXES, UNREAD, DamagedError, chunks, passed_over
from endpointwatch.capture.files import files as files_in
from endpointwatch.capture.manifests import data_files
from endpointwatch.capture.pairing import Keys, named_frames
from endpointwatch.capture.payloads import MAX_CELLS
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import SHADOW
from endpointwatch.config.window import Window
from endpointwatch.errors import PlanError
from endpointwatch.jobs.collect import Batch
from endpointwatch.jobs.container import Container

PREPROCESSOR = "preprocess_handler"
POSTPROCESSOR = "postprocess_handler"
_log = logging.getLogger("endpointwatch.scripts")
_Row = tuple[int, int, dict[str, str | None]]


@dataclass(frozen=True, slots=True)
class Payload:
    """One side of a captured record, or its ground truth; the names are AWS's."""

    data: str | None
    encoding: str | None
    observedContentType: str | None  # noqa: N815 (what scripts written for AWS ask for)
    mode: str | None


@dataclass(frozen=True, slots=True)
class EventMetadata:
    """A captured record's metadata as scripts see it; an inference id stands in ``event_dict`` alone, as on AWS."""

    event_id: str | None
    event_time: str | None
    custom_attribute: list[str] | None


@dataclass(frozen=True, slots=True)
class InferenceRecord:
    """What a preprocessing script is given for a captured record; a part that the record does not have is None."""

    event_metadata: EventMetadata
    endpoint_input: Payload | None
    endpoint_output: Payload | None
    batch_transform_output: Payload | None
    ground_truth: Payload | None
    event_version: str | None
    event_dict: dict[str, Any]

    @classmethod
    def of(cls, record: dict[str, Any]) -> InferenceRecord:
        capture, metadata = record.get("captureData") or {}, record.get("eventMetadata") or {}
        return cls(
            EventMetadata(metadata.get("eventId"), metadata.get("inferenceTime"), metadata.get("customAttributes")),
            _payload(capture.get("endpointInput")),
            _payload(capture.get("endpointOutput")),
            _payload(capture.get("batchTransformOutput")),
            _payload(record.get("groundTruthData")),
            record.get("eventVersion"),
            record,
        )


def _payload(part: Mapping[str, Any] | None) -> Payload | None:
    if part is None:
        return None
    return Payload(part.get("data"), part.get("encoding"), part.get("observedContentType"), part.get("mode"))


def mounted(container: Container, folder: str, uri: str) -> Path:
    """Where the script that the endpoint's file names by ``uri`` lies in the container."""
    return container.path(f"{folder}/{uri.rstrip('/').rpartition('/')[2]}")


def handler(path: Path, name: str) -> Callable[..., Any]:
    """The function ``name`` of the script at ``path``.

    Raises:
        PlanError: There is no such file, it fails when it is run, or it has no such function.
    """
    try:
        found: Callable[..., Any] | None = runpy.run_path(str(path)).get(name)
    except Exception as error:
        raise PlanError(f"The script {path} cannot be run: {type(error).__name__}: {error}") from error
    if found is None or not callable(found):
        raise PlanError(f"The script {path} has no function {name}; define it.")
    return found


@contextmanager
def exported(environment: Mapping[str, str]) -> Iterator[None]:
    """The job's environment as the process's own, where scripts look for their settings."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def postprocess(path: Path) -> None:
    """Call the script's ``postprocess_handler()``.

    Raises:
        PlanError: The script cannot be run, or its handler raises.
    """
    call = handler(path, POSTPROCESSOR)
    try:
        call()
    except Exception as error:
        raise PlanError(f"{POSTPROCESSOR} in {path} failed: {type(error).__name__}: {error}") from error


class Preprocessor:
    """The rows that a script makes of records: by key, ``[]`` for none, a list of objects for several.

    Args:
        path: The script.

    Raises:
        PlanError: The script cannot be run, or has no ``preprocess_handler``.
    """

    def __init__(self, path: Path) -> None:
        call = handler(path, PREPROCESSOR)
        takes_logger = len(inspect.signature(call).parameters) > 1
        self._call: Callable[[Any], Any] = (lambda record: call(record, _log)) if takes_logger else call
        self._keys = Keys()

    def captured(self, folder: Path, tally: Tally, windows: tuple[Window, ...]) -> Iterator[Batch]:
        """Rows out of the captured or merged records below ``folder``."""
        for path in passed_over(folder, SUFFIXES):
            tally.set_aside("file", path.relative_to(folder).as_posix(), 1, UNREAD)
        for path in files_in(folder, SUFFIXES):

            def record(raw: str, line: int, file: str) -> InferenceRecord | None:
                return _record(raw, line, file, tally, windows)

            yield from self._rows(path, folder, tally, record)

    def data_set(self, folder: Path, tally: Tally, *, objects: bool, header: bool = False) -> Iterator[Batch]:
        """Rows out of a data set's lines: handed over as texts, or as dicts when they are JSON ``objects``."""

        def record(raw: str, line: int, file: str) -> Any:
            if header and line == 1:
                return None
            return _object(raw, line, file, tally) if objects else raw

        for path in data_files(folder, tally):
            yield from self._rows(path, folder, tally, record)

    def _rows(self, path: Path, folder: Path, tally: Tally, record: Callable[[str, int, str], Any]) -> Iterator[Batch]:
        file = path.relative_to(folder).as_posix() if path != folder else path.name
        first = 1
        try:
            for chunk in chunks(path):
                rows: list[_Row] = []
                for line, raw in enumerate(chunk.split(b"\n"), start=first):
                    if not raw.strip():
                        continue
                    try:
                        text = raw.decode("utf-8-sig" if line == 1 else "utf-8").rstrip("\r")
                    except UnicodeDecodeError:
                        tally.set_aside("json", file, line, "the line is not UTF-8")
                        continue
                    if (given := record(text, line, file)) is not None:
                        rows += self._made(given, line, file, tally)
                for frame in named_frames(rows, self._keys.names):
                    cells = frame.select(pl.col("record").alias("line"), "cells")
                    yield Batch(file, cells, self._keys.names)
                first += chunk.count(b"\n")
        except DamagedError as error:
            tally.set_aside("file", file, first, str(error))

    def _made(self, given: Any, line: int, file: str, tally: Tally) -> list[_Row]:
        try:
            made = self._call(given)
        except Exception as error:  # noqa: BLE001 (a stranger's code may raise anything; the other records go on)
            tally.set_aside("script", file, line, f"{PREPROCESSOR} failed: {type(error).__name__}: {error}")
            return []
        rows = made if isinstance(made, list) else [made]
        if not rows:
            tally.skipped += 1
        found: list[_Row] = []
        for place, row in enumerate(rows):
            if not isinstance(row, dict) or not row:
                reason = f"{PREPROCESSOR} returned {type(row).__name__}; it must return a dict of columns, or []"
                tally.set_aside("script", file, line, reason)
                continue
            try:
                told = row_of({str(name): value for name, value in row.items()}, DATA_SET)
            except UnreadableError as error:
                tally.set_aside("script", file, line, f"{PREPROCESSOR} returned a row that is not flat: {error}")
                continue
            values = dict(zip(told.names or (), told.cells, strict=True))
            if self._keys.take(values):
                found.append((line, place, values))
            else:
                tally.set_aside("width", file, line, f"more than {MAX_CELLS} different keys: yet another column")
        return found


def _object(raw: str, line: int, file: str, tally: Tally) -> dict[str, Any] | None:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        tally.set_aside("json", file, line, f"the line is not valid JSON: {error}")
        return None
    if not isinstance(told, dict):
        tally.set_aside("json", file, line, "the line is JSON, but not an object")
        return None
    return told


def _record(raw: str, line: int, file: str, tally: Tally, windows: tuple[Window, ...]) -> InferenceRecord | None:
    """The record for the script; None, and counted, when it is none, is shadow traffic or lies outside the windows."""
    told = _object(raw, line, file, tally)
    if told is None:
        return None
    try:
        record = InferenceRecord.of(told)
        source = (told.get("eventMetadata") or {}).get("invocationSource")
    except (AttributeError, TypeError):
        tally.set_aside("json", file, line, "captureData, its sides, groundTruthData or eventMetadata is not an object")
        return None
    if source == SHADOW:
        tally.skipped += 1
        return None
    if windows:
        text = record.event_metadata.event_time
        try:
            at = datetime.fromisoformat(str(text))
            inside = any(window.start <= at < window.end for window in windows)
        except (ValueError, TypeError):
            tally.set_aside("time", file, line, f"eventMetadata.inferenceTime is {text!r}, not a time")
            return None
        if not inside:
            tally.outside_window += 1
            return None
    return record
