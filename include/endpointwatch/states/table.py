"""The state of a table: one column state per column, in order."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from endpointwatch.states.column import Column
from endpointwatch.states.kll import extended
from endpointwatch.states.survey import Survey


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
        return self.after(Survey.of(rows))

    def after(self, rows: Survey) -> Table:
        """This table's state after the rows of a survey, which follow its own.

        Raises:
            ValueError: The rows have other columns than the table.
        """
        if self.names and rows.names != self.names:
            raise ValueError(f"Rows with the columns {rows.names} do not belong to a table of {self.names}")
        before = self.columns or (Column(),) * len(rows.names)
        sketches = extended([column.sketch for column in before], rows.numbers)
        columns = tuple(map(Column.after, before, rows.columns, sketches))
        return Table(rows.names, columns, self.rows + rows.rows)

    def widened(self, names: tuple[str, ...]) -> Table:
        """The state with the columns ``names``, each of its own among them; the others are without values."""
        if names == self.names:
            return self
        own = dict(zip(self.names, self.columns, strict=True))
        return Table(names, tuple(own.get(name, Column(rows=self.rows)) for name in names), self.rows)

    def renamed(self, names: tuple[str, ...]) -> Table:
        """The same state under other names, as many as there are columns."""
        if len(names) != len(self.columns):
            raise ValueError(f"{len(names)} names do not fit {len(self.columns)} columns")
        return Table(names, self.columns, self.rows)

    def selected(self, names: tuple[str, ...]) -> Table:
        """The columns ``names`` in that order; each must be there."""
        own = dict(zip(self.names, self.columns, strict=True))
        return Table(names, tuple(own[name] for name in names), self.rows)
