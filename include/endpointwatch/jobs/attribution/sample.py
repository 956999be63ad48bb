"""A sample of rows to explain. Which rows it has depends on a seed and on the rows, never on the order of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from endpointwatch.capture.payloads import CELLS
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import CapturedRows, Reading, captured_rows
from endpointwatch.config.section import DatasetFormat
from endpointwatch.jobs.data_sets import named_rows

_SCHEMA: dict[str, Any] = {"key": pl.String, "id": pl.String, "row": pl.Int64, "cells": CELLS}


@dataclass(slots=True)
class Sample:
    """Some rows' features, as texts.

    Attributes:
        features: Their names.
        size: So many rows are kept, at most.
        seed: Of the choice.
        seen: Rows to choose from.
        absent: Features that no row with names has had so far; None before the first of them.
    """

    features: tuple[str, ...]
    size: int
    seed: int
    seen: int = 0
    absent: frozenset[str] | None = None
    _kept: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_SCHEMA))

    def take(self, rows: pl.DataFrame) -> None:
        """Choose among these rows too: ``id``, ``row`` and ``cells`` in the features' order."""
        self.seen += rows.height
        keys = [self._key(*row) for row in rows.select("id", "row", "cells").iter_rows()]
        keyed = rows.select(pl.Series("key", keys, pl.String), "id", "row", "cells")
        if self._kept.height == self.size:
            keyed = keyed.filter(pl.col("key") < self._kept.item(-1, "key"))
        self._kept = pl.concat([self._kept, keyed]).sort("key").head(self.size)

    @property
    def height(self) -> int:
        """How many rows were chosen."""
        return self._kept.height

    def frame(self) -> pl.DataFrame:
        """``id``, ``row`` and ``cells`` of the chosen rows, ordered by id."""
        return self._kept.sort("id", "row", "key").select("id", "row", "cells")

    def ids(self) -> list[str | None]:
        """Their ids, in the same order."""
        return self.frame().get_column("id").to_list()

    def texts(self) -> NDArray[Any]:
        """Their cells, shape ``(rows, features)``; None where there is no value."""
        table = np.empty((self._kept.height, len(self.features)), object)
        for place, cells in enumerate(self.frame().get_column("cells")):
            table[place] = [cell or None for cell in cells]
        return table

    def _key(self, identity: str | None, row: int, cells: Sequence[str | None]) -> str:
        # Equal ids (a request sent twice) are told apart by what they hold.
        text = "\x1f".join([str(self.seed), identity or "", str(row), *(cell or "" for cell in cells)])
        return hashlib.sha256(text.encode()).hexdigest()


def of_window(folder: Path, reading: Reading, sample: Sample, tally: Tally) -> Sample:
    """Fill the sample with the captured inputs that have the model's features, and count all rows.

    Raises:
        CaptureError: The captures cannot be read at all.
    """
    for part in captured_rows(folder, tally, reading):
        rows = _featured(part, sample, tally)
        tally.analysed += rows.height
        sample.take(rows)
    return sample


def data_set(folder: Path, form: DatasetFormat, tally: Tally) -> Iterator[tuple[tuple[str, ...], pl.DataFrame]]:
    """The columns and the rows (``id`` names file and line, ``row``, ``cells``) of a data set.

    Raises:
        CaptureError: It cannot be read.
    """
    for table in named_rows(folder, form, tally):
        names = table.names or ()
        sized = table.frame.filter(pl.col("cells").list.len() == len(names))
        for line in table.frame.filter(pl.col("cells").list.len() != len(names)).get_column("line"):
            tally.set_aside("width", table.file, line, f"the row has another number of cells than the header's {names}")
        place = pl.format("{}:{}", pl.lit(table.file), pl.col("line"))
        yield names, sized.select(id=place, row=pl.lit(0, pl.Int64), cells="cells")


def columns(rows: pl.DataFrame, names: Sequence[str], wanted: Sequence[str]) -> pl.DataFrame:
    """The rows with the cells of ``wanted`` alone, in that order; null where ``names`` has no such column."""
    places = {name: place for place, name in enumerate(names)}
    cells = [
        pl.col("cells").list.get(places[name], null_on_oob=True) if name in places else pl.lit(None, pl.String)
        for name in wanted
    ]
    return rows.with_columns(cells=pl.concat_list(cells))


def _featured(part: CapturedRows, sample: Sample, tally: Tally) -> pl.DataFrame:
    if part.names is not None:
        missing = frozenset(sample.features) - frozenset(part.names)
        sample.absent = missing if sample.absent is None else sample.absent & missing
        return columns(part.frame.select("id", "row", "cells"), part.names, sample.features)
    if not sample.features:
        # Nobody knows the model's features before a baseline is learnt; such rows are counted, not explained.
        return part.frame.select("id", "row", cells="input")
    sized = part.frame.with_columns(width=pl.col("input").list.len())
    count = len(sample.features)
    for line, width in sized.filter(pl.col("width") != count).select("line", "width").iter_rows():
        tally.set_aside("width", part.file, line, f"the row has {width} cells, the model takes {count} features")
    return sized.filter(pl.col("width") == count).select("id", "row", cells="input")
