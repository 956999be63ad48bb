"""Rows of cells to one state: the rows of the usual width are analysed, those of another are set aside.

Which width is the usual one is known only at the end, so a state is kept for each width seen: nothing is read twice.
Rows with names (JSON objects, Parquet) have a state of their own, which grows by a column with each new name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Generic, Protocol, Self, TypeVar

import polars as pl
import pyarrow as pa

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.payloads import MAX_CELLS
from endpointwatch.capture.tally import LISTED, Tally
from endpointwatch.states import Table


class State(Protocol):
    """What becomes of rows."""

    def widened(self, names: tuple[str, ...]) -> Self:
        """The state with more columns, for which its rows have no values."""


S = TypeVar("S", bound=State)
Compute = Callable[[pa.RecordBatch, S | None], S]
MAX_WIDTHS = 32
TOGETHER = 1_000_000  # cells
PROGRESS = 250_000
_log = logging.getLogger(__name__)


class Batch:
    """Some rows of one file.

    Args:
        file: Where they stand.
        frame: ``line`` and ``cells`` (lists of texts, null or empty where there is no value).
        names: Their columns; None where columns are known by position alone, and rows may differ in width. In later
            batches new names may follow, the earlier ones stay where they are.
    """

    def __init__(self, file: str, frame: pl.DataFrame, names: tuple[str, ...] | None = None) -> None:
        self.file = file
        self.names = names
        self._frame = frame

    @classmethod
    def regular(cls, file: str, columns: pl.DataFrame) -> Batch:
        """Rows of one width without names: ``line`` and a column ``0``, ``1``, … a cell, null where it has no value."""
        return cls(file, columns)

    @property
    def columns(self) -> pl.DataFrame | None:
        """The rows column by column, where they are all of one width and known that way."""
        return None if "cells" in self._frame.columns else self._frame

    @property
    def frame(self) -> pl.DataFrame:
        """The rows as lists: ``line`` and ``cells``."""
        return self._frame if self.columns is None else _listed(self._frame)


class _Kind(Generic[S]):
    """The rows of one width, or those with names.

    Attributes:
        rows: How many they are.
        first: File and line of the first hundred of them, for the case that they are set aside.
        state: Theirs; None without rows. Complete once :meth:`finish` was called.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.first: list[tuple[str, int]] = []
        self.state: S | None = None
        self._waiting: list[pl.DataFrame] = []
        self._names: tuple[str, ...] = ()
        self._compute: Compute[S] | None = None

    def take(self, file: str, part: pl.DataFrame, columns: tuple[str, ...], compute: Compute[S]) -> None:
        """Add rows; of ``columns`` some may be new, after those that were there."""
        self.rows += part.height
        self.first += [(file, line) for line in part.get_column("line").head(LISTED - len(self.first))]
        if columns != self._names:
            self.finish()
        self._names, self._compute = columns, compute
        table = _without_line(part) if "cells" not in part.columns else _columns(part.get_column("cells"), len(columns))
        self._waiting.append(table)
        # A state does not depend on how rows are cut into batches, and many small ones cost more than a large one.
        if sum(waiting.height for waiting in self._waiting) * len(columns) >= TOGETHER:
            self.finish()

    def finish(self) -> None:
        """Add what is waiting to the state."""
        if not self._waiting or self._compute is None:
            return
        if self.state is not None:
            self.state = self.state.widened(self._names)
        table = pl.concat(self._waiting).rechunk().to_arrow(compat_level=pl.CompatLevel.newest()).combine_chunks()
        self._waiting = []
        for batch in table.rename_columns(list(self._names)).to_batches():
            self.state = self._compute(batch, self.state)


def collect(
    batches: Iterable[Batch],
    tally: Tally,
    compute: Compute[Table],
    *,
    names: tuple[str, ...] = (),
    strict: bool = False,
) -> Table:
    """The state of the rows that have the usual number of cells.

    Args:
        batches: The rows.
        tally: Gets the analysed rows, and those of another width as set aside.
        compute: The monitor's.
        names: The baseline's column names. They are used, by position, when there are as many columns; their number
            also decides between two widths that are equally frequent. Rows with names of their own take their places
            by name; a column of the baseline that none of them has is one without values.
        strict: Such a column is not there at all, as in a table that Spark reads.

    Returns:
        The state, with the names ``_c0``, ``_c1``, … where the baseline's do not fit; empty without rows.
    """
    return settled(*accumulated(batches, tally, compute), tally, names, strict=strict)


def accumulated(batches: Iterable[Batch], tally: Tally, compute: Compute[S]) -> tuple[dict[int, Any], Any]:
    """The rows by width, and those with names; which of them are the usual ones is not decided yet.

    Returns:
        Of each kind its ``state`` (None without rows), how many ``rows`` it has, and file and line of the ``first``
        hundred. Rows that belong to no kind are set aside in ``tally``.
    """
    widths: dict[int, _Kind[S]] = {}
    named: _Kind[S] = _Kind()
    for batch in _told(batches):
        if batch.names is not None:
            if batch.frame.height:
                named.take(batch.file, batch.frame, batch.names, compute)
            continue
        for width, part in _by_width(batch):
            if _fits(width, widths, batch.file, part, tally):
                kind = widths.setdefault(width, _Kind())
                kind.take(batch.file, part, tuple(f"_c{place}" for place in range(width)), compute)
    for kind in (named, *widths.values()):
        kind.finish()
    return widths, named


def _told(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches; how far they have come is logged."""
    read = 0
    for batch in batches:
        rows = (batch.columns if batch.columns is not None else batch.frame).height
        if (read + rows) // PROGRESS > read // PROGRESS:
            _log.info("%d rows so far, now in %s", read + rows, batch.file)
        read += rows
        yield batch


def _by_width(batch: Batch) -> Iterator[tuple[int, pl.DataFrame]]:
    if batch.columns is not None:
        yield batch.columns.width - 1, batch.columns
        return
    sized = batch.frame.with_columns(width=pl.col("cells").list.len())
    for (width,), part in sized.group_by("width", maintain_order=True):
        yield int(str(width)), part


def settled(
    widths: dict[int, Any], named: Any, tally: Tally, names: tuple[str, ...] = (), *, strict: bool = False
) -> Table:
    """The state of the usual rows, as :func:`collect` says; ``tally`` gets them, and the others as set aside.

    Args:
        widths: Kinds as :func:`accumulated` tells them, by width.
        named: The same of the rows with names.
        tally: Of all rows.
        names: The baseline's column names.
        strict: As of :func:`collect`.
    """
    if strict and named.state is not None and not widths:
        names = tuple(name for name in names if name in named.state.names)
    state = _settled(widths, named, tally, names)
    tally.listed.sort(key=lambda fault: (fault.file, fault.line))
    del tally.listed[LISTED:]
    return state


def _listed(columns: pl.DataFrame) -> pl.DataFrame:
    return columns.select("line", cells=pl.concat_list(pl.exclude("line")))


def _without_line(columns: pl.DataFrame) -> pl.DataFrame:
    # By way of series: a plan, as `drop` makes one, costs more than a small file's rows are worth.
    return pl.DataFrame(columns.get_columns()[1:])


def _columns(cells: pl.Series, width: int) -> pl.DataFrame:
    """Lists of ``width`` texts column by column; an empty text is a missing value."""
    texts = cells.explode()
    texts = texts.set(texts == "", None) if (texts == "").any() else texts
    return pl.DataFrame([texts.gather_every(width, place).alias(str(place)) for place in range(width)])


def _settled(widths: dict[int, _Kind[Table]], named: _Kind[Table], tally: Tally, names: tuple[str, ...]) -> Table:
    """The state of the usual rows; the others are set aside."""
    if named.state is None:
        return _usual(widths, tally, names) if widths else Table()
    if len(names) in widths:
        # The baseline says which column a cell without a name belongs to, so both kinds of rows add up.
        told = _placed(named.state, names)
        by_position = _usual(widths, tally, names, usual=len(names))
        tally.analysed += named.rows
        return told + _placed(by_position, told.names)
    most = max((kind.rows for kind in widths.values()), default=0)
    if most > named.rows:
        reason = "the row's columns have names, those of the others have none, and no baseline says which is which"
        _set_aside(tally, named, reason)
        return _usual(widths, tally, names)
    for kind in widths.values():
        reason = "the row's columns have no names, those of the others have, and no baseline says which is which"
        _set_aside(tally, kind, reason)
    tally.analysed += named.rows
    return _placed(named.state, names if set(names) & set(named.state.names) else ())


def _usual(widths: dict[int, _Kind[Table]], tally: Tally, names: tuple[str, ...], *, usual: int | None = None) -> Table:
    if usual is None:
        usual = max(widths, key=lambda width: (widths[width].rows, width == len(names), width))
    tally.analysed += widths[usual].rows
    for width, rest in widths.items():
        if width != usual:
            _set_aside(tally, rest, f"the row has {width} cells, the others have {usual}")
    state = widths[usual].state or Table()
    return state.renamed(names) if len(names) == usual else state


def _placed(state: Table, names: tuple[str, ...]) -> Table:
    """The state with the columns ``names`` first, without values where it has none of the name, then its others."""
    return state.widened((*names, *(name for name in state.names if name not in frozenset(names))))


def _fits(width: int, widths: Collection[int], file: str, part: pl.DataFrame, tally: Tally) -> bool:
    """Whether rows of that width are kept; else they are set aside."""
    if width <= MAX_CELLS and (width in widths or len(widths) < MAX_WIDTHS):
        return True
    why = f"more than {MAX_CELLS}" if width > MAX_CELLS else "yet another number of"
    for line in part.get_column("line"):
        tally.set_aside("width", file, line, f"{width} cells: {why} columns")
    return False


def _set_aside(tally: Tally, rest: _Kind[Table], reason: str) -> None:
    tally.kinds["width"] += rest.rows
    tally.listed += [SetAside(file=file, line=line, reason=reason) for file, line in rest.first]
