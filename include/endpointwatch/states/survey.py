"""What rows say about their columns before it is known which rows came first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from endpointwatch.states.column import Column, surveyed
from endpointwatch.states.kll import Values


@dataclass(frozen=True, slots=True)
class Survey:
    """All of a table's state that some rows can tell by themselves, and the numbers that its sketches wait for.

    A sketch depends on all numbers that came before, so it is extended where the rows are put in order:
    :meth:`endpointwatch.states.Table.after`. All else, which is most of the work, can be done anywhere.

    Attributes:
        names: Column names in the order of the data.
        columns: Their states, as many, with sketches of nothing.
        numbers: The finite numbers of each column, in the order of the rows.
        rows: Rows seen.
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    numbers: tuple[Values, ...]
    rows: int

    @classmethod
    def of(cls, rows: pa.RecordBatch) -> Survey:
        """The survey of ``rows``: one string column per column of the table, null where there is no value."""
        names = tuple(rows.schema.names)
        frame = pl.from_arrow(pa.Table.from_batches([rows.rename_columns([str(i) for i in range(len(names))])]))
        texts = frame.get_columns() if isinstance(frame, pl.DataFrame) else [frame]
        found = [surveyed(column) for column in texts]
        return cls(names, tuple(column for column, _ in found), tuple(values for _, values in found), rows.num_rows)

    def widened(self, names: tuple[str, ...]) -> Survey:
        """The survey with the columns ``names``, each of its own among them; the others are without values."""
        if names == self.names:
            return self
        own = dict(zip(self.names, zip(self.columns, self.numbers, strict=True), strict=True))
        found = [own.get(name, (Column(rows=self.rows), np.empty(0))) for name in names]
        return Survey(names, tuple(column for column, _ in found), tuple(values for _, values in found), self.rows)
