"""The state of a table: one column state per column, in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa

from endpointwatch.states.column import Column
from endpointwatch.states.kll import Values, extended

# With fewer cells, starting threads costs more than they save.
WORTH_THREADS = 20_000


@dataclass(frozen=True, slots=True)
class Table:
    """Named column states over the same rows; ``a + b`` describes both sets of rows.

    Attributes:
        names: Column names in the order of the data.
        columns: Their states, as many.
        rows: Rows seen.
    """

    names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: int = 0

    def __add__(self, other: Table) -> Table:
        """The state of both sets of rows.

        Raises:
            ValueError: The tables have different columns. A table without columns fits every other one.
        """
        if not other.names:
            return self
        if not self.names:
            return other
        if self.names != other.names:
            raise ValueError(f"States of different columns do not add up: {self.names} and {other.names}")
        columns = tuple(mine + its for mine, its in zip(self.columns, other.columns, strict=True))
        return Table(self.names, columns, self.rows + other.rows)

    def extend(self, rows: pa.RecordBatch) -> Table:
        """This table's state after more rows, in their order.

        Args:
            rows: One string column per column of the table, null where there is no value.

        Raises:
            ValueError: The rows have other columns than the table.
        """
        names = tuple(rows.schema.names)
        if self.names and names != self.names:
            raise ValueError(f"Rows with the columns {names} do not belong to a table of {self.names}")
        before = self.columns or (Column(),) * len(names)
        frame = pl.from_arrow(pa.Table.from_batches([rows.rename_columns([str(i) for i in range(len(names))])]))
        texts = frame.get_columns() if isinstance(frame, pl.DataFrame) else [frame]
        surveyed = list(_surveyed(before, texts))
        sketches = extended([column.sketch for column in before], [values for _, values in surveyed])
        columns = tuple(replace(column, sketch=own) for (column, _), own in zip(surveyed, sketches, strict=True))
        return Table(names, columns, self.rows + rows.num_rows)

    def renamed(self, names: tuple[str, ...]) -> Table:
        """The same state under other names, as many as there are columns."""
        if len(names) != len(self.columns):
            raise ValueError(f"{len(names)} names do not fit {len(self.columns)} columns")
        return Table(names, self.columns, self.rows)

    def selected(self, names: tuple[str, ...]) -> Table:
        """The columns ``names`` in that order; each must be there."""
        own = dict(zip(self.names, self.columns, strict=True))
        return Table(names, tuple(own[name] for name in names), self.rows)


def _surveyed(columns: Sequence[Column], texts: Sequence[pl.Series]) -> Iterable[tuple[Column, Values]]:
    """:meth:`Column.surveyed` of each column; NumPy and Polars let other threads run meanwhile."""
    if sum(series.len() for series in texts) < WORTH_THREADS:
        return map(Column.surveyed, columns, texts)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return pool.map(Column.surveyed, columns, texts)
