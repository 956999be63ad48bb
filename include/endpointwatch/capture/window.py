"""The rows of a window out of its captured files: filtered, paired, counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from endpointwatch.capture.files import files
from endpointwatch.capture.payloads import rows_of
from endpointwatch.capture.records import SIDES, records
from endpointwatch.capture.tally import Tally
from endpointwatch.config.window import Window

SUFFIXES = frozenset({".jsonl", ".json"})
SHADOW = "ShadowExperiment"
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%.f%:z")


@dataclass(frozen=True, slots=True)
class CapturedRows:
    """Some rows of one file.

    Attributes:
        file: The file, relative to the folder that was read.
        frame: ``line``, ``row`` (position in the payload), ``id`` (inference id, else event id), ``time``, ``truth``
            (of merged records) and the cells of ``output`` and ``input`` as lists of texts.
    """

    file: str
    frame: pl.DataFrame


def captured_rows(
    folder: Path, tally: Tally, *, windows: tuple[Window, ...] = (), sides: tuple[str, ...] = SIDES
) -> Iterator[CapturedRows]:
    """The captured rows below ``folder``, file by file in the order of their paths.

    Args:
        folder: Where captured JSON Lines lie, in any folders.
        tally: Counts every row that is read, except those handed on: the caller counts them when it takes them.
        windows: Only records inferred in one of these; all records when empty.
        sides: What a row is made of; a record without one of them is set aside.

    Raises:
        CaptureError: The folder is not there, or a file cannot be read.
    """
    for path in files(folder, SUFFIXES):
        name = path.relative_to(folder).as_posix() if path != folder else path.name
        for frame, malformed in records(path):
            for fault in malformed:
                tally.set_aside("json", name, fault.line, fault.reason)
            if frame.height:
                yield CapturedRows(name, _rows(frame, name, tally, windows, sides))


def _rows(
    frame: pl.DataFrame, file: str, tally: Tally, windows: tuple[Window, ...], sides: tuple[str, ...]
) -> pl.DataFrame:
    frame = frame.with_columns(time=pl.coalesce([_time(form) for form in _TIME_FORMATS]))
    shadow = pl.col("source").eq_missing(SHADOW)
    tally.skipped += _count(frame.filter(shadow), sides)
    frame = frame.filter(~shadow)
    if windows:
        timeless = frame.filter(pl.col("time").is_null())
        for line, text in timeless.select("line", "inference_time").iter_rows():
            tally.set_aside("time", file, line, f"eventMetadata.inferenceTime is {text!r}, not a time")
        inside = pl.any_horizontal([(pl.col("time") >= w.start) & (pl.col("time") < w.end) for w in windows])
        tally.outside_window += _count(frame.filter(~inside), sides)
        frame = frame.filter(inside)
    reason = pl.coalesce([_fault(side) for side in sides])
    frame = frame.with_columns(reason=reason)
    for line, kind, text in (
        frame.filter(pl.col("reason").is_not_null()).select("line", "reason").unnest("reason").iter_rows()
    ):
        tally.set_aside(kind, file, line, text)
    frame = frame.filter(pl.col("reason").is_null())
    rows, unpaired = rows_of(frame, sides)
    for fault in unpaired:
        tally.set_aside("payload", file, frame.item(fault.record, "line"), fault.reason)
    about = frame.select(
        "line", "time", id=pl.coalesce("inference_id", "event_id"), truth="truth_data", record=pl.int_range(pl.len())
    )
    return rows.join(about, on="record", how="left", maintain_order="left")


def _time(form: str) -> pl.Expr:
    return pl.col("inference_time").str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)


def _fault(side: str) -> pl.Expr:
    """Why a record's payload on ``side`` cannot be read: a struct of kind and text, null when it can."""
    name = "endpointInput" if side == "input" else "endpointOutput"
    data, encoding, kind = pl.col(f"{side}_data"), pl.col(f"{side}_encoding"), pl.col(f"{side}_type")
    content = pl.format(
        "{} is captured as {} (content type {}); only CSV payloads are read",
        pl.lit(name),
        encoding,
        kind.fill_null("unknown"),
    )
    return (
        pl.when(data.is_null())
        .then(_why("missing", pl.lit(f"captureData.{name}.data is missing")))
        .when(encoding.is_null())
        .then(_why("encoding", pl.lit(f"captureData.{name}.encoding is missing")))
        .when(encoding != "CSV")
        .then(_why("encoding", content))
        .when(data.str.strip_chars("\r\n") == "")
        .then(_why("missing", pl.lit(f"captureData.{name}.data is empty")))
    )


def _why(kind: str, text: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(kind).alias("kind"), text.alias("text"))


def _count(frame: pl.DataFrame, sides: tuple[str, ...]) -> int:
    """The rows in records that are not analysed: lines where the payload can be read, else one."""
    if frame.is_empty():
        return 0
    readable = frame.filter(pl.coalesce([_fault(side) for side in sides]).is_null())
    rows, unpaired = rows_of(readable, sides)
    return frame.height - readable.height + rows.height + len(unpaired)
