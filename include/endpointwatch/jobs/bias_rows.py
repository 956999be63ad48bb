"""The rows that the bias monitor looks at, as one table with a name for every column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from endpointwatch.capture.records import SIDES
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import CapturedRows, Reading, captured_rows
from endpointwatch.config.bias import Bias
from endpointwatch.config.section import DatasetFormat
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.data_sets import named_rows
from endpointwatch.jobs.monitors.duty import Duty
from endpointwatch.monitors.bias import Roles
from endpointwatch.monitors.findings import Findings, Violation

#: The column that merged records' labels get.
LABEL = "ground_truth"


def captured_table(
    folder: Path | None, duty: Duty, settings: Bias, names: tuple[str, ...], tally: Tally
) -> pl.DataFrame:
    """The window's answers and inputs as texts, with :data:`LABEL` where the records were merged with one.

    Args:
        folder: Captures, or merged records; None: there are none.
        duty: The window.
        settings: Where rows and columns stand in JSON.
        names: The columns of rows that have no names, the answer first. Such rows of another width are set aside.
        tally: Counts the rows.
    """
    if folder is None or not folder.is_dir():
        return pl.DataFrame()
    reading = Reading(
        windows=(duty.plan.window,),
        sides=SIDES,
        json_payloads=settings.json_payloads,
        strict=settings.aws_compatible == "Enabled",
    )
    parts = [_named(part, names, tally) for part in captured_rows(folder, tally, reading)]
    parts = [part for part in parts if part.height]
    return pl.concat(parts, how="diagonal") if parts else pl.DataFrame()


def data_set_table(folder: Path, form: DatasetFormat, tally: Tally) -> pl.DataFrame:
    """The baseline's data set as texts.

    Raises:
        BaselineError: It has no rows.
    """
    parts = [_unnested(part.frame, part.names or (), part.file, tally) for part in named_rows(folder, form, tally)]
    if not any(part.height for part in parts):
        raise BaselineError(f"The data set in {folder} has no rows to learn a baseline from.")
    return pl.concat(parts, how="diagonal")


def require(settings: Bias, columns: Sequence[str], form: DatasetFormat) -> None:
    """Refuse a data set that lacks a column the monitor names.

    Raises:
        BaselineError: It does.
    """
    named = (*(facet.name for facet in settings.facets), settings.predicted_label, settings.group_variable)
    gone = [name for name in named if name is not None and name not in columns]
    if not gone:
        return
    hint = (
        " Columns of csv_without_header are named by position: name them so, or write the data set with a header."
        if form == "csv_without_header"
        else " Correct the monitor, or the data set."
    )
    raise BaselineError(
        f"The baseline's data set has no column {', '.join(gone)}, which the bias monitor names; it has "
        f"{', '.join(columns)}.{hint}"
    )


def numeric(column: pl.Series) -> pl.Series:
    """The column as numbers where each of its values is one, else as it is."""
    if column.dtype != pl.String:
        return column
    for kind in (pl.Int64, pl.Float64):
        told = column.cast(kind, strict=False)
        if told.null_count() == column.null_count():
            return told
    return column


def missing_columns(rows: pl.DataFrame, roles: Roles) -> Findings | None:
    """The findings of a window whose captures lack a column that has a part; None when all are there."""
    if rows.is_empty():
        return None
    wanted = [facet.column for facet in roles.facets] + ([roles.group] if roles.group else [])
    wanted += [roles.predicted.column] if roles.predicted else []
    gone = [name for name in wanted if name not in rows.columns]
    text = "The captures have no column {}, which the bias monitor names; they have {}."
    violations = tuple(
        Violation(
            feature_name=name,
            constraint_check_type="missing_column_check",
            description=text.format(name, ", ".join(rows.columns)),
        )
        for name in gone
    )
    return Findings(violations, schema_changed=True) if gone else None


def other_width(tally: Tally) -> Findings | None:
    """The findings of a window most of whose rows have more or fewer cells than the baseline has columns."""
    if tally.kinds["width"] <= tally.analysed:
        return None
    example = next((fault.reason for fault in tally.listed if "the baseline" in fault.reason), "")
    text = f"{tally.kinds['width']} of {tally.rows().read} rows have other columns than the baseline: {example}."
    found = Violation(feature_name="Missing columns", constraint_check_type="missing_column_check", description=text)
    return Findings((found,), schema_changed=True)


def _named(part: CapturedRows, names: tuple[str, ...], tally: Tally) -> pl.DataFrame:
    frame = part.frame.with_columns(cells=part.cells(SIDES)["cells"])
    own = part.names if part.names is not None else names
    if not own and frame.height:
        own = tuple(f"_c{place}" for place in range(len(frame["cells"][0])))
    return _unnested(frame, own, part.file, tally)


def _unnested(frame: pl.DataFrame, names: tuple[str, ...], file: str, tally: Tally) -> pl.DataFrame:
    width = pl.col("cells").list.len()
    for line, found in frame.filter(width != len(names)).select("line", width).iter_rows():
        tally.set_aside("width", file, line, f"the row has {found} cells, the baseline {len(names)} columns")
    frame = frame.filter(width == len(names))
    tally.analysed += frame.height
    cells = frame.select(pl.col("cells").list.to_struct(fields=list(names))).unnest("cells")
    table = cells.with_columns(pl.all().replace("", None))
    if "truth" in frame.columns and frame["truth"].null_count() < frame.height:
        table = table.with_columns(_labels(frame).alias(LABEL))
    return table


def _labels(frame: pl.DataFrame) -> pl.Series:
    """The label of each row: the record's only one, or of several the one in the row's place; else null."""
    found: list[str | None] = []
    read: dict[str, list[str | None]] = {}
    for truth, row in frame.select("truth", "row").iter_rows():
        if truth is not None and truth not in read:
            read[truth] = _texts(truth)
        labels = read.get(truth, [])
        found.append(labels[row] if row < len(labels) else None)
    return pl.Series(found, dtype=pl.String)


def _texts(truth: str) -> list[str | None]:
    """The labels in one record's ground truth: CSV, or JSON with one value a row."""
    text = truth.strip()
    if text.startswith(("{", "[")):
        try:
            return _values(json.loads(text))
        except ValueError:
            return []
    return [cell.strip() or None for cell in text.replace("\n", ",").split(",")]


def _values(document: object) -> list[str | None]:
    """The single values in a JSON document, in order."""
    if isinstance(document, dict):
        return [value for inner in document.values() for value in _values(inner)]
    if isinstance(document, list):
        return [value for inner in document for value in _values(inner)]
    return [None if document is None else str(document).lower() if isinstance(document, bool) else str(document)]
