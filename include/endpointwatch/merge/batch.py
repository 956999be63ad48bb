"""What a batch transform captured, as the merge takes it: rows that end with their inference id and the job's time.

``GenerateInferenceId`` appends both to every record of the transform's output:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import polars as pl

from endpointwatch.capture.manifests import data_files
from endpointwatch.capture.tally import Tally
from endpointwatch.errors import CaptureError
from endpointwatch.merge.captures import SCHEMA
from endpointwatch.merge.lines import lines

ID, TIME = "SageMakerInferenceId", "SageMakerInferenceTime"
NO_ID = "the row does not end with an inference id and a time; run the transform with GenerateInferenceId"
_TAIL = r"^(?<data>.*),(?<id>[^,\"]+),(?<time>[^,\"]+)$"


def batch_captures(
    folder: Path, tally: Tally, *, form: Literal["csv", "json"], header: bool = False
) -> Iterator[pl.DataFrame]:
    """The rows below ``folder`` as captured records with a ``batchTransformOutput``, by path.

    Args:
        folder: Where the transform's output objects lie; manifests among them are passed over.
        tally: Counts every row that is read, those handed on as analysed.
        form: ``csv``: id and time are the last two columns; ``json``: fields of an object a line. Both are taken away.
        header: Whether each CSV file begins with the columns' names.

    Yields:
        Frames of :data:`endpointwatch.merge.captures.SCHEMA`.

    Raises:
        CaptureError: There are no files, or one cannot be read.
    """
    found = data_files(folder, tally)
    if not found:
        raise CaptureError(f"Could not find any {form} file under directory {folder}. Check the job's inputs.")
    read: Callable[[Path, str, Tally], Iterator[pl.DataFrame]] = _json if form == "json" else _csv(header=header)
    for path in found:
        name = path.relative_to(folder) if path != folder else Path(path.name)
        for frame in read(path, name.as_posix(), tally):
            tally.analysed += frame.height
            yield frame.with_columns(folder=pl.lit(name.parent.as_posix())).select(*SCHEMA)


def _csv(*, header: bool) -> Callable[[Path, str, Tally], Iterator[pl.DataFrame]]:
    def read(path: Path, file: str, tally: Tally) -> Iterator[pl.DataFrame]:
        # A line is a row: a quoted cell with a line feed in it would not end with an id, and is set aside.
        texts = pl.scan_lines(path, name="text").with_row_index("number", 1)
        for frame in texts.filter(pl.col("text").str.strip_chars() != "").collect_batches(chunk_size=100_000):
            rows = frame.filter(pl.col("number") > 1) if header else frame
            told = rows.with_columns(pl.col("text").str.extract_groups(_TAIL)).unnest("text")
            for number in told.filter(pl.col("id").is_null())["number"]:
                tally.set_aside("id", file, number, NO_ID)
            yield _records(told.filter(pl.col("id").is_not_null()), "CSV")

    return read


def _json(path: Path, file: str, tally: Tally) -> Iterator[pl.DataFrame]:
    for part in lines([path], (ID, TIME)):
        for fault in part.malformed:
            tally.set_aside("json", file, fault.line, fault.reason)
        told = part.frame.rename({ID: "id", TIME: "time"})
        for number in told.filter(pl.col("id").is_null())["number"]:
            tally.set_aside("id", file, number, f"the record has no {ID}; run the transform with GenerateInferenceId")
        told = told.filter(pl.col("id").is_not_null())
        yield _records(told.with_columns(data=pl.Series(map(_without_id, told["line"]), dtype=pl.String)), "JSON")


def _without_id(line: str) -> str:
    record: dict[str, Any] = json.loads(line)
    kept = {key: value for key, value in record.items() if key not in (ID, TIME)}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _records(rows: pl.DataFrame, encoding: str) -> pl.DataFrame:
    """Rows with ``id``, ``time`` and ``data`` as the text of captured records."""
    record = pl.struct(
        eventVersion=pl.lit("0"),
        captureData=pl.struct(batchTransformOutput=pl.struct("data", encoding=pl.lit(encoding))),
        eventMetadata=pl.struct(eventId="id"),
    )
    return rows.select("id", "time", answer=pl.lit(None, pl.String), line=record.struct.json_encode())
