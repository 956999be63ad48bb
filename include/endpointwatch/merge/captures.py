"""Captured records as the merge takes them: their id, their time, and the record itself as the text it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from endpointwatch.capture.encodings import CSV
from endpointwatch.capture.files import SUFFIXES, UNREAD, files, passed_over
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import SHADOW, inference_time
from endpointwatch.config.window import Window
from endpointwatch.merge.lines import Lines, Schema, lines

SCHEMA: Schema = {name: pl.String() for name in ("id", "time", "folder", "answer", "line")}
_KEYS = tuple(f"eventMetadata.{key}" for key in ("eventId", "inferenceId", "inferenceTime", "invocationSource"))
_ANSWER = ("captureData.endpointOutput.data", "captureData.endpointOutput.encoding")


def captures(
    folder: Path, window: Window | None, tally: Tally, paths: Sequence[Path] | None = None
) -> Iterator[pl.DataFrame]:
    """The captured records below ``folder``, file by file in the order of their paths.

    Args:
        folder: Where captured JSON Lines lie, in any folders, as they are or compressed (``.gz``).
        window: Only records inferred in it; None takes all.
        tally: Counts every record that is read, those handed on as analysed.
        paths: Read only these of the folder's files; None reads all, and counts those that are passed over.

    Yields:
        Frames of :data:`SCHEMA`: ``id`` (inference id, else event id), ``time`` (``eventMetadata.inferenceTime`` as it
        stands), ``folder`` (of the file, below ``folder``), ``answer`` (the output's CSV where it was seen in passing;
        null says nothing) and ``line`` (the record without a ``groundTruthData``).

    Raises:
        CaptureError: The folder is not there, or a file cannot be read.
    """
    if paths is None:
        count_unread(folder, tally)
    for part in lines(files(folder, SUFFIXES) if paths is None else paths, _KEYS, _ANSWER):
        name = part.path.relative_to(folder) if part.path != folder else Path(folder.name)
        for fault in part.malformed:
            tally.set_aside("json", name.as_posix(), fault.line, fault.reason)
        frame = _kept(part, window, name.as_posix(), tally)
        if frame.height:
            tally.analysed += frame.height
            yield frame.select("id", "time", pl.lit(name.parent.as_posix()).alias("folder"), "answer", "line")


def count_unread(folder: Path, tally: Tally) -> None:
    """Set aside each file below ``folder`` whose name does not say that it holds JSON Lines."""
    for path in passed_over(folder, SUFFIXES):
        tally.set_aside("file", path.relative_to(folder).as_posix(), 1, UNREAD)


def _kept(part: Lines, window: Window | None, file: str, tally: Tally) -> pl.DataFrame:
    event, inference, time, source = _KEYS
    data, encoding = _ANSWER
    # Values beside are those of lines alike: what holds for the shape of one holds for all.
    sound = part.frame[data].null_count() < part.frame.height and _is_sound(part.frame.item(0, "line"))
    answer = pl.when(pl.col(encoding) == CSV).then(pl.col(data)) if sound else pl.lit(None, pl.String)
    frame = part.frame.with_columns(id=pl.coalesce(inference, event), answer=answer).rename({time: "time"})
    shadow = frame[source].eq_missing(pl.Series([SHADOW]))
    if shadow.any():
        tally.skipped += int(shadow.sum())
        frame = frame.filter(~shadow)
    if window is not None:
        frame = _inside(frame, window, file, tally)
    nameless = frame["id"].is_null()
    if nameless.any():
        for number in frame.filter(nameless)["number"]:
            tally.set_aside("id", file, number, "the record has neither an inferenceId nor an eventId")
        frame = frame.filter(~nameless)
    # Merged before: today's labels take the place of those of then.
    merged = frame["line"].str.contains('"groundTruthData"', literal=True)
    if merged.any():
        lines_without = [
            _unlabelled(line) if again else line for line, again in zip(frame["line"], merged, strict=True)
        ]
        frame = frame.with_columns(line=pl.Series(lines_without, dtype=pl.String), answer=pl.lit(None, pl.String))
    return frame


def _is_sound(line: str) -> bool:
    """Whether all that a reader of captured records looks at is text: else it would refuse the record."""
    captured = json.loads(line)["captureData"]
    sides = captured.values() if isinstance(captured, dict) else (captured,)
    return all(isinstance(side, dict) and all(isinstance(text, str) for text in side.values()) for side in sides)


def _inside(frame: pl.DataFrame, window: Window, file: str, tally: Tally) -> pl.DataFrame:
    timed = frame.with_columns(at=inference_time(frame["time"]))
    for number, text in timed.filter(pl.col("at").is_null()).select("number", "time").iter_rows():
        tally.set_aside("time", file, number, f"eventMetadata.inferenceTime is {text!r}, not a time")
    inside = timed.filter((pl.col("at") >= window.start) & (pl.col("at") < window.end))
    tally.outside_window += timed.height - int(timed["at"].null_count()) - inside.height
    return inside


def _unlabelled(line: str) -> str:
    record = json.loads(line)
    record.pop("groundTruthData", None)
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
