"""The same merge on a Spark cluster, for windows that no single machine should read.

The only module of the merge that meets Spark, and it does so late. Executors open the files under the paths that the
driver gives them (on SageMaker: ``S3DataDistributionType: FullyReplicated``), part their rows by the same hash of the
id, and join each part with :func:`endpointwatch.merge.join.merge_partition`; the driver writes the records in their
order, so that files and counts are those of one machine, to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.files import SUFFIXES, files
from endpointwatch.capture.tally import LISTED, Tally
from endpointwatch.errors import PlanError
from endpointwatch.merge import captures as captured
from endpointwatch.merge import labels as labelled
from endpointwatch.merge.counts import Conflict, Merged
from endpointwatch.merge.join import Counted, merge_partition, partition_of
from endpointwatch.merge.merge import PART_BYTES, Totals
from endpointwatch.merge.output import MergedFiles, json_lines
from endpointwatch.merge.sources import Sources

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RECORDS_A_ROW = 20_000
_TALLIES = -1
_CAPTURES = "part long, id string, time string, folder string, answer string, line string"
_LABELS = "part long, id string, data string, encoding string, at decimal(20, 0)"
_JOINED = "part long, place long, folder string, lines binary, counts string"
_ROW = pa.schema(
    {"part": pa.int64(), "place": pa.int64(), "folder": pa.string(), "lines": pa.binary(), "counts": pa.string()}
)
Batches = Iterator[pa.RecordBatch]


def merge_on_spark(
    session: SparkSession,
    sources: Sources,
    output: Path,
    *,
    keep_folders: bool = False,
    part_bytes: int = PART_BYTES,
) -> Merged:
    """As :func:`endpointwatch.merge.merge.merge`, with reading and joining on the cluster.

    Raises:
        CaptureError: The captures or the labels cannot be read at all.
        PlanError: The sources are not an endpoint's captures; batch transforms are merged on one machine.
    """
    if sources.read_captures is not None:
        raise PlanError("Only an endpoint's captures are merged on Spark; merge a batch transform on one machine.")
    of_captures, of_labels = Tally(), Tally()
    captured.count_unread(sources.captures, of_captures)
    count = sources.parts(part_bytes)
    left = _captures(session, sources, count)
    right = _labels(session, sources, count, of_labels)
    joined = left.groupBy("part").cogroup(right.groupBy("part")).applyInArrow(_join, _JOINED)
    totals = Totals()
    with MergedFiles(output, keep_folders=keep_folders) as sink:
        for row in joined.orderBy("part", "place").toLocalIterator():
            if row.part == _TALLIES:
                told = json.loads(row.counts)
                _add(of_captures, told["captures"])
                _add(of_labels, told["labels"])
            elif row.counts is not None:
                totals.add(_counts(json.loads(row.counts)))
            else:
                lines = bytes(row.lines).decode().removesuffix("\n").split("\n")
                sink.write(pl.DataFrame({"folder": [row.folder] * len(lines), "line": lines}))
    return totals.told(sources, of_captures, of_labels, sink.files)


def _captures(session: SparkSession, sources: Sources, count: int) -> DataFrame:
    found = files(sources.captures, SUFFIXES)

    def read(numbers: list[int], tally: Tally) -> Iterator[pl.DataFrame]:
        return captured.captures(sources.captures, sources.window, tally, [found[number] for number in numbers])

    return _read(session, len(found), count, read, captured.SCHEMA, _CAPTURES)


def _labels(session: SparkSession, sources: Sources, count: int, tally: Tally) -> DataFrame:
    folder, places = sources.labels, {}
    if folder is not None:
        captured.count_unread(folder, tally)
        places = labelled.delivered(folder)
    found = list(places)

    def read(numbers: list[int], tally: Tally) -> Iterator[pl.DataFrame]:
        if folder is None:
            return iter(())
        return labelled.labels(folder, sources.record, tally, {found[number]: number for number in numbers})

    return _read(session, len(found), count, read, labelled.SCHEMA, _LABELS)


def _read(
    session: SparkSession,
    found: int,
    count: int,
    read: Callable[[list[int], Tally], Iterator[pl.DataFrame]],
    schema: Mapping[str, pl.DataType],
    columns: str,
) -> DataFrame:
    """Rows with their part, and for each task one row of part -1 whose last text column is what it counted."""
    texts = [name for name, kind in schema.items() if kind == pl.String()]

    def work(batches: Batches) -> Batches:
        tally = Tally()
        numbers = [number for batch in batches for number in batch.column(0).to_pylist()]
        for frame in read(numbers, tally):
            part = pl.Series("part", partition_of(frame["id"], count), pl.Int64)
            yield from _batches(frame.select(part, *schema))
        told = pl.DataFrame(schema={"part": pl.Int64, **schema}).clear(1).with_columns(part=pl.lit(_TALLIES, pl.Int64))
        yield from _batches(told.with_columns(pl.lit(_packed(tally)).alias(texts[-1])))

    return session.range(0, found, 1, max(1, min(found, 2 * count))).mapInArrow(work, columns)


def _batches(frame: pl.DataFrame) -> Batches:
    if "at" in frame.columns:
        frame = frame.with_columns(pl.col("at").cast(pl.Decimal(20, 0)))
    yield from frame.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches()


def _join(key: tuple[Any, ...], captures: pa.Table, labels: pa.Table) -> pa.Table:
    part = int(key[0].as_py())
    left, right = _frame(captures, captured.SCHEMA), _frame(labels, labelled.SCHEMA)
    if part == _TALLIES:
        counts = {"captures": left["line"].to_list(), "labels": right["encoding"].to_list()}
        return _table([(part, 0, None, None, json.dumps(counts))])
    joined = merge_partition(left, right)
    rows: list[tuple[Any, ...]] = []
    for (folder,), records in joined.records.group_by("folder", maintain_order=True):
        for slice_ in records.iter_slices(RECORDS_A_ROW):
            rows.append((part, len(rows), folder, bytes(json_lines(slice_)), None))
    names = ("matched", "unmatched", "used", "duplicate", "unknown", "conflicting")
    told = {name: getattr(joined.counted, name) for name in names}
    told["conflicts"] = [conflict.model_dump() for conflict in joined.counted.conflicts]
    return _table([*rows, (part, len(rows), None, None, json.dumps(told))])


def _frame(table: pa.Table, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    # Where one side has no row of the part, Spark hands over a table without columns.
    frame = pl.DataFrame(pl.from_arrow(table)) if table.num_columns else pl.DataFrame(schema=schema)
    return frame.select(list(schema)).cast(pl.Schema(schema))


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(_ROW.names, row, strict=True)) for row in rows], schema=_ROW)


def _counts(told: dict[str, Any]) -> Counted:
    conflicts = tuple(Conflict.model_validate(conflict) for conflict in told.pop("conflicts"))
    return Counted(conflicts=conflicts, **told)


def _packed(tally: Tally) -> str:
    return json.dumps(
        {
            "analysed": tally.analysed,
            "outside_window": tally.outside_window,
            "skipped": tally.skipped,
            "kinds": dict(tally.kinds),
            "listed": [fault.model_dump() for fault in tally.listed],
        }
    )


def _add(tally: Tally, packed: list[str]) -> None:
    """The tasks' counts on top; the faults that are listed are the first by file and line, as on one machine."""
    for text in packed:
        told = json.loads(text)
        for name in ("analysed", "outside_window", "skipped"):
            setattr(tally, name, getattr(tally, name) + told[name])
        tally.kinds.update(told["kinds"])
        tally.listed += [SetAside.model_validate(fault) for fault in told["listed"]]
    tally.listed.sort(key=lambda fault: (fault.file, fault.line))
    del tally.listed[LISTED:]
