"""Data sets in every format that is read, as batches of rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from endpointwatch.capture.objects import json_rows, parquet_rows
from endpointwatch.capture.tables import TableRows, table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.config.section import DatasetFormat
from endpointwatch.errors import PlanError
from endpointwatch.jobs.collect import Batch
from endpointwatch.jobs.scripts import Preprocessor

#: In these formats a row's cells are known by position, and a header only names the positions.
BY_POSITION = ("csv", "csv_without_header")


def data_set_rows(folder: Path, form: DatasetFormat, tally: Tally) -> Iterator[TableRows]:
    """The rows of the data set in ``folder`` (or of the one file).

    Raises:
        CaptureError: There are no files, or one cannot be read.
    """
    if form in BY_POSITION:
        return table_rows(folder, tally, header=form == "csv")
    if form == "parquet":
        return parquet_rows(folder, tally)
    return json_rows(folder, tally, lines=form == "json_lines")


def named_rows(folder: Path, form: DatasetFormat, tally: Tally) -> Iterator[TableRows]:
    """The same, each with names: by position (``_c0``, ``_c1``, …) where the format has none. No batch is empty.

    Keys of JSON that come up later are added at the end, so earlier batches may have fewer names.

    Raises:
        CaptureError: There are no files, or one cannot be read.
    """
    names: tuple[str, ...] = ()
    for rows in data_set_rows(folder, form, tally):
        if rows.frame.height:
            names = rows.names or names or unnamed(rows.frame)
            yield TableRows(rows.file, names, rows.frame)


def without(rows: TableRows, columns: Collection[str], tally: Tally) -> TableRows:
    """The rows without some of their named columns; rows that are not as wide as the header are then set aside."""
    names = rows.names or ()
    kept = [place for place, name in enumerate(names) if name not in columns]
    if len(kept) == len(names):
        return rows
    wrong = pl.col("cells").list.len() != len(names)
    for line, width in rows.frame.filter(wrong).select("line", pl.col("cells").list.len()).iter_rows():
        tally.set_aside("width", rows.file, line, f"the row has {width} cells, the header {len(names)}")
    cells = pl.concat_list([pl.col("cells").list.get(place) for place in kept])
    return TableRows(
        rows.file, tuple(names[place] for place in kept), rows.frame.filter(~wrong).with_columns(cells=cells)
    )


def preprocessed_rows(script: Preprocessor, folder: Path, form: DatasetFormat, tally: Tally) -> Iterator[Batch]:
    """The rows that a preprocessing script makes of the data set in ``folder``.

    Raises:
        PlanError: The format has no records that a script can be given.
    """
    if form not in ("csv", "csv_without_header", "json_lines"):
        raise PlanError(
            f"record_preprocessor_script is set, but baseline_dataset_format is {form}; a script is given the lines of "
            "csv, csv_without_header or json_lines only."
        )
    return script.data_set(folder, tally, objects=form == "json_lines", header=form == "csv")


def unnamed(frame: pl.DataFrame) -> tuple[str, ...]:
    """The names that columns without names get: ``_c0``, ``_c1``, … as many as the first row has cells."""
    return tuple(f"_c{place}" for place in range(len(frame.item(0, "cells")))) if frame.height else ()
