"""Numbers out of CSV and JSON: files with a header for training, bare rows for serving.

An empty cell is a missing value and becomes NaN. Anything else that is not a number is refused with its place.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from containers.sklearn_example.contract import InputError

Matrix = NDArray[np.float64]
MISSING = {"", "nan", "NaN", "null", "NULL", "NA"}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name.

    Attributes:
        columns: Names in the file's order.
        values: Shape ``(rows, columns)``; missing is NaN.
    """

    columns: tuple[str, ...]
    values: Matrix

    def column(self, name: str) -> Matrix:
        if name not in self.columns:
            raise InputError(f"There is no column {name!r}; the data have {list(self.columns)}")
        return self.values[:, self.columns.index(name)]

    def select(self, names: Sequence[str]) -> Matrix:
        """The named columns, in that order; shape ``(rows, names)``."""
        return np.column_stack([self.column(name) for name in names]) if names else self.values[:, :0]


def number(text: str, place: str) -> float:
    text = text.strip()
    if text in MISSING:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{place}: {text!r} is not a number") from None


def rows(lines: Iterable[str], columns: Sequence[str], source: str) -> Matrix:
    """Rows without a header, one value for each of ``columns``; blank lines are not rows."""
    parsed: list[list[float]] = []
    for at, cells in enumerate(csv.reader(lines), start=1):
        if not cells and len(columns) != 1:
            continue
        # A line of no characters is the one missing value of a model with one feature.
        cells = cells or [""]  # noqa: PLW2901
        if len(cells) != len(columns):
            raise InputError(f"{source}, row {at}: {len(cells)} values, but {len(columns)} expected: {list(columns)}")
        parsed.append(
            [number(cell, f"{source}, row {at}, column {name!r}") for name, cell in zip(columns, cells, strict=True)]
        )
    return np.array(parsed, dtype=np.float64).reshape(len(parsed), len(columns))


def read(path: Path) -> Table:
    """A CSV file whose first line names the columns."""
    with path.open(newline="", encoding="utf-8") as file:
        header = next(csv.reader([file.readline()]), [])
        names = tuple(name.strip() for name in header)
        if not names or len(set(names)) != len(names) or "" in names:
            raise InputError(f"{path}: the first line must name every column once; it is {list(names)}")
        return Table(names, rows(file, names, str(path)))


def read_folder(folder: Path) -> Table:
    """All ``*.csv`` files below ``folder``, by name, as one table; all must have the same header."""
    tables = [read(path) for path in sorted(folder.rglob("*.csv"))]
    if not tables:
        raise InputError(f"{folder} holds no *.csv file")
    if len({table.columns for table in tables}) > 1:
        raise InputError(f"The files in {folder} differ in their columns: {sorted({t.columns for t in tables})}")
    return Table(tables[0].columns, np.vstack([table.values for table in tables]))


def request_rows(body: str, columns: Sequence[str]) -> Matrix:
    """The rows of a CSV request: no header, the model's features in their order."""
    return rows(io.StringIO(body, newline=""), columns, "body")
