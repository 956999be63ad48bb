"""CSV payloads to rows of cells: many rows in one payload, quoted fields, and both sides of a request paired."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import polars as pl

MAX_CELLS = 10_000
CELLS = pl.List(pl.String)
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "record": pl.Int64,
    "row": pl.Int64,
    "output": CELLS,
    "input": CELLS,
}


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A record whose payloads are no rows: its position in the frame, and why."""

    record: int
    reason: str
    kind: str = "payload"


def rows_of(records: pl.DataFrame, sides: tuple[str, ...]) -> tuple[pl.DataFrame, list[Unpaired]]:
    """The rows in the CSV payloads of ``records``.

    Args:
        records: Records whose ``<side>_data`` is there for each of ``sides``; their positions are those in the frame
            unless its column ``record`` says otherwise.
        sides: ``output``, ``input`` or both: what a row is made of.

    Returns:
        Rows in the order of the records with the columns ``record`` (position in ``records``), ``row`` (position in the
        payload) and, per side, the cells as texts, empty ones still empty; and the records that are no rows.
    """
    if "record" not in records.columns:
        records = records.with_columns(record=pl.int_range(pl.len(), dtype=pl.Int64))
    quoted = pl.any_horizontal([pl.col(f"{side}_data").str.contains('"', literal=True) for side in sides])
    plain, unpaired = _plain(records.filter(~quoted), sides)
    special = records.filter(quoted)
    if special.is_empty():
        return plain, unpaired
    parsed, odd = _quoted(special, sides)
    return pl.concat([plain, parsed]).sort("record", "row"), sorted(unpaired + odd, key=lambda fault: fault.record)


def _plain(records: pl.DataFrame, sides: tuple[str, ...]) -> tuple[pl.DataFrame, list[Unpaired]]:
    lines = records.select(
        "record", *[pl.col(f"{side}_data").str.strip_chars_end("\r\n").str.split("\n").alias(side) for side in sides]
    )
    faults: list[Unpaired] = []
    if len(sides) == 2:  # noqa: PLR2004 (output and input)
        # Some containers answer a request of many rows with one line of as many numbers.
        spread = (pl.col("input").list.len() > 1) & (pl.col("output").list.len() == 1)
        line = pl.col("output").list.first().str.split(",")
        fits = line.list.len() == pl.col("input").list.len()
        lines = lines.with_columns(output=pl.when(spread & fits).then(line).otherwise(pl.col("output")))
        odd = lines.filter(pl.col("input").list.len() != pl.col("output").list.len())
        faults = [
            Unpaired(record, unequal(inputs, outputs))
            for record, inputs, outputs in odd.select(
                "record", pl.col("input").list.len().alias("i"), pl.col("output").list.len().alias("o")
            ).iter_rows()
        ]
        lines = lines.filter(pl.col("input").list.len() == pl.col("output").list.len())
    cells = [pl.col(side).str.strip_chars_end("\r").str.split(",") for side in sides]
    rows = (
        lines.with_columns(row=pl.int_ranges(0, pl.col(sides[0]).list.len(), dtype=pl.Int64))
        .explode("row", *sides)
        .with_columns(cells)
    )
    missing = [pl.lit(None, CELLS).alias(side) for side in ("output", "input") if side not in sides]
    return rows.with_columns(missing).select(*_SCHEMA), faults


def _quoted(records: pl.DataFrame, sides: tuple[str, ...]) -> tuple[pl.DataFrame, list[Unpaired]]:
    # Quotes may hide commas and line feeds, so these payloads need a real CSV reader; they are few.
    rows: list[tuple[int, int, list[str] | None, list[str] | None]] = []
    faults: list[Unpaired] = []
    for record in records.iter_rows(named=True):
        try:
            parsed = {side: parse(record[f"{side}_data"]) for side in sides}
        except csv.Error as error:
            faults.append(Unpaired(record["record"], f"the CSV payload cannot be read: {error}"))
            continue
        inputs, outputs = parsed.get("input"), parsed.get("output")
        if inputs is not None and outputs is not None and len(inputs) != len(outputs):
            if len(outputs) == 1 and len(outputs[0]) == len(inputs):
                outputs = [[cell] for cell in outputs[0]]
            else:
                faults.append(Unpaired(record["record"], unequal(len(inputs), len(outputs))))
                continue
        count = len(inputs if inputs is not None else outputs or [])
        rows += [
            (record["record"], row, outputs[row] if outputs else None, inputs[row] if inputs else None)
            for row in range(count)
        ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row"), faults


def parse(payload: str) -> list[list[str]]:
    """The cells of each line of a CSV payload, by a reader that knows quotes; raises ``csv.Error``."""
    reader = csv.reader(io.StringIO(payload.rstrip("\r\n"), newline=""), strict=True)
    return [cells or [""] for cells in reader]


def unequal(inputs: int, outputs: int) -> str:
    """Why a record with so many rows on its sides is no rows."""
    return f"{inputs} input rows, but {outputs} output rows"
