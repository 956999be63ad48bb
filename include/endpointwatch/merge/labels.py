"""Label records as the merge takes them, in the order in which they were delivered.

Record schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from endpointwatch.capture.files import SUFFIXES, files
from endpointwatch.capture.tally import Tally
from endpointwatch.config.ground_truth import LabelRecord
from endpointwatch.merge.captures import count_unread
from endpointwatch.merge.lines import Lines, Schema, lines

SCHEMA: Schema = {"id": pl.String(), "data": pl.String(), "encoding": pl.String(), "at": pl.UInt64()}
ENCODINGS = ("CSV", "JSON")
_HOUR = re.compile(r"(?:^|/)(\d{4}/\d{2}/\d{2}/\d{2})/")
_LINE_BITS = 32


def labels(
    folder: Path, record: LabelRecord, tally: Tally, places: Mapping[Path, int] | None = None
) -> Iterator[pl.DataFrame]:
    """The label records below ``folder`` in the order of their delivery.

    That order is the only thing that decides between labels of one id, so it follows from the keys alone, whenever and
    in whatever order the files came: by the hour in a file's path (``yyyy/mm/dd/hh``, in which the label became known;
    a file outside of any hour comes first), then by path, then by line.

    Args:
        folder: Where ground-truth files lie, as they are or compressed (``.gz``).
        record: Where a record has its id and its label.
        tally: Counts every record that is read, those handed on as analysed.
        places: Read only these of the folder's files, with their places in the order of delivery; None reads all, and
            counts those that are passed over.

    Yields:
        Frames of :data:`SCHEMA`: ``id``, ``data`` (the label's text without surrounding blanks), ``encoding`` (``CSV``
        or ``JSON``) and ``at`` (the place in the order of delivery).

    Raises:
        CaptureError: The folder is not there, or a file cannot be read.
    """
    if places is None:
        count_unread(folder, tally)
        places = delivered(folder)
    for part in lines(places, _keys(record)):
        name = part.path.relative_to(folder).as_posix() if part.path != folder else folder.name
        for fault in part.malformed:
            tally.set_aside("json", name, fault.line, fault.reason)
        frame = _read(part, record, name, tally)
        tally.analysed += frame.height
        at = pl.lit(places[part.path] << _LINE_BITS, pl.UInt64) + pl.col("number").cast(pl.UInt64)
        yield frame.with_columns(at=at).select(*SCHEMA)


def _keys(record: LabelRecord) -> tuple[str, ...]:
    # Two of them may be the same key.
    return tuple(dict.fromkeys((record.id, record.data, record.encoding)))


def delivered(folder: Path) -> dict[Path, int]:
    """The ground-truth files below ``folder`` with their places in the order of delivery, oldest first."""

    def when(path: Path) -> tuple[str, str]:
        key = path.relative_to(folder).as_posix()
        hours = _HOUR.findall(f"/{key}")
        return (hours[-1] if hours else "", key)

    return {path: place for place, path in enumerate(sorted(files(folder, SUFFIXES), key=when))}


def _read(part: Lines, record: LabelRecord, file: str, tally: Tally) -> pl.DataFrame:
    told = part.frame.select(
        "number",
        id=pl.col(record.id),
        data=pl.col(record.data).str.strip_chars(),
        encoding=pl.col(record.encoding).str.to_uppercase().fill_null("CSV"),
    )
    faulty = told.select(
        pl.when(pl.col("id").is_null() | (pl.col("id") == ""))
        .then(pl.lit(f"the record has no {record.id}"))
        .when(pl.col("data").is_null() | (pl.col("data") == ""))
        .then(pl.lit(f"the record has no {record.data}"))
        .when(~pl.col("encoding").is_in(ENCODINGS))
        .then(pl.format("the label's encoding is {}; it must be CSV or JSON", "encoding"))
        .when((pl.col("encoding") == "JSON") & pl.col("data").is_in(_broken(told)))
        .then(pl.lit(f"{record.data} is not valid JSON, as its encoding says"))
        .alias("reason")
    ).to_series()
    if faulty.null_count() < told.height:
        for number, reason in told.select("number", faulty).filter(pl.col("reason").is_not_null()).iter_rows():
            tally.set_aside("label", file, number, reason)
        told = told.filter(faulty.is_null())
    return told


def _broken(told: pl.DataFrame) -> list[str]:
    """The JSON texts that are none. Labels repeat, so each different text is looked at once."""
    texts = told.filter(encoding="JSON")["data"].drop_nulls().unique()
    return [text for text in texts if not _is_json(text)]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
