"""Records of which a side is JSON to rows: the sides' rows are paired, with names where every side has them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from endpointwatch.capture.documents import Row, UnreadableError, document_rows
from endpointwatch.capture.encodings import JSON
from endpointwatch.capture.payloads import CELLS, MAX_CELLS, Unpaired, parse, unequal
from endpointwatch.config.data_quality import JsonPayloads

MAX_FRAME_CELLS = 4_000_000


@dataclass(slots=True)
class Paired:
    """The rows of some records.

    Attributes:
        positions: Rows without names: record, row, the output's cells and the input's.
        named: Rows with names: record, row and the values by key.
        unpaired: The records that are no rows.
    """

    positions: list[tuple[int, int, tuple[str | None, ...] | None, tuple[str | None, ...] | None]] = field(
        default_factory=list
    )
    named: list[tuple[int, int, dict[str, str | None]]] = field(default_factory=list)
    unpaired: list[Unpaired] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.positions) + len(self.named) + len(self.unpaired)


class Keys:
    """The columns of named rows in the order in which they were first seen, over all files of one reading."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._places)

    def take(self, names: Iterable[str]) -> bool:
        """Know these columns from now on; False, and nothing is learnt, when they would be too many."""
        new = [name for name in names if name not in self._places]
        if len(self._places) + len(new) > MAX_CELLS:
            return False
        for name in new:
            self._places[name] = len(self._places)
        return True


def pair(records: pl.DataFrame, sides: tuple[str, ...], selection: JsonPayloads) -> Paired:
    """The rows of records whose sides are CSV or JSON.

    Args:
        records: With ``record`` (their position among the records read) and each side's data and encoding.
        sides: ``output``, ``input`` or both: what a row is made of.
        selection: Where rows and columns stand in JSON.
    """
    paired = Paired()
    for record in records.iter_rows(named=True):
        try:
            _pair(record, sides, selection, paired)
        except csv.Error as error:
            paired.unpaired.append(Unpaired(record["record"], f"the CSV payload cannot be read: {error}"))
        except UnreadableError as error:
            paired.unpaired.append(Unpaired(record["record"], str(error), error.kind))
    return paired


def named_frames(rows: list[tuple[int, int, dict[str, str | None]]], names: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    """Frames of ``record``, ``row`` and ``cells``, a cell per name and null where the row has none of it."""
    # A few rows with a thousand columns take as much room as many with ten.
    step = max(1, MAX_FRAME_CELLS // max(1, len(names)))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        table = [(record, row, [values.get(name) for name in names]) for record, row, values in part]
        yield pl.DataFrame(table, schema={"record": pl.Int64, "row": pl.Int64, "cells": CELLS}, orient="row")


def _pair(record: dict[str, Any], sides: tuple[str, ...], selection: JsonPayloads, paired: Paired) -> None:
    found = {side: _rows(record, side, selection) for side in sides}
    if len(sides) == 2:  # noqa: PLR2004 (output and input)
        found["output"] = _matched(found["output"], found["input"])
    count = len(found[sides[0]])
    if not count:
        raise UnreadableError("the payload holds no rows")
    for row in range(count):
        if not any(found[side][row].cells for side in sides):
            raise UnreadableError(f"row {row + 1} of the payload has no values")
    by_key = all(row.names is not None for side in sides for row in found[side])
    if not by_key:
        # Where one side has no names all go by position; the order of keys is then not left to the caller's mood.
        found = {side: [row.by_key() for row in rows] for side, rows in found.items()}
        paired.positions += [
            (
                record["record"],
                row,
                found["output"][row].cells if "output" in sides else None,
                found["input"][row].cells if "input" in sides else None,
            )
            for row in range(count)
        ]
        return
    paired.named += [(record["record"], row, _by_name([found[side][row] for side in sides])) for row in range(count)]


def _matched(outputs: list[Row], inputs: list[Row]) -> list[Row]:
    """The output's rows, as many as the input's."""
    if len(outputs) == 1 and len(inputs) > 1 and outputs[0].names is None and len(outputs[0].cells) == len(inputs):
        # Some containers answer a request of many rows with one array of as many numbers.
        outputs = [Row((cell,)) for cell in outputs[0].cells]
    if len(inputs) != len(outputs):
        raise UnreadableError(unequal(len(inputs), len(outputs)))
    return outputs


def _by_name(parts: list[Row]) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for part in parts:
        for name, cell in zip(part.names or (), part.cells, strict=True):
            if name in values:
                raise UnreadableError(
                    f"{name!r} stands in the output and in the input; choose the output's columns under the "
                    "monitor's `json_payloads` with `output_columns`",
                    "nested",
                )
            values[name] = cell
    return values


def _rows(record: dict[str, Any], side: str, selection: JsonPayloads) -> list[Row]:
    data: str = record[f"{side}_data"]
    if record[f"{side}_encoding"] == JSON:
        return document_rows(data, side, selection)
    return [Row(tuple(cells)) for cells in parse(data)]
