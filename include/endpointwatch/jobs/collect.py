"""Rows of cells to one state: the rows of the usual width are analysed, those of another are set aside.

Which width is the usual one is known only at the end, so a state is kept for each width seen: nothing is read twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.payloads import MAX_CELLS
from endpointwatch.capture.tally import LISTED, Tally
from endpointwatch.states import Table

Compute = Callable[[pa.RecordBatch, Table | None], Table]
MAX_WIDTHS = 32
PROGRESS = 250_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Width:
    state: Table | None = None
    rows: int = 0
    first: list[tuple[str, int]] = field(default_factory=list)


def collect(
    batches: Iterable[tuple[str, pl.DataFrame]], tally: Tally, compute: Compute, *, names: tuple[str, ...] = ()
) -> Table:
    """The state of the rows that have the usual number of cells.

    Args:
        batches: File names with frames of ``line`` and ``cells`` (lists of texts).
        tally: Gets the analysed rows, and those of another width as set aside.
        compute: The monitor's.
        names: The baseline's column names. They are used, by position, when there are as many columns; their number
            also decides between two widths that are equally frequent.

    Returns:
        The state, with the names ``_c0``, ``_c1``, … where the baseline's do not fit; empty without rows.
    """
    widths: dict[int, _Width] = {}
    read = 0
    for file, frame in batches:
        if (read + frame.height) // PROGRESS > read // PROGRESS:
            _log.info("%d rows so far, now in %s", read + frame.height, file)
        read += frame.height
        sized = frame.with_columns(width=pl.col("cells").list.len())
        for (width,), part in sized.group_by("width", maintain_order=True):
            _add(widths, int(str(width)), file, part, tally, compute)
    if not widths:
        return Table()
    usual = max(widths, key=lambda width: (widths[width].rows, width == len(names), width))
    tally.analysed += widths[usual].rows
    for width, rest in widths.items():
        if width != usual:
            _set_aside(tally, width, usual, rest)
    tally.listed.sort(key=lambda fault: (fault.file, fault.line))
    del tally.listed[LISTED:]
    state = widths[usual].state or Table()
    return state.renamed(names) if len(names) == usual else state


def _add(widths: dict[int, _Width], width: int, file: str, part: pl.DataFrame, tally: Tally, compute: Compute) -> None:
    if width > MAX_CELLS or (width not in widths and len(widths) >= MAX_WIDTHS):
        why = f"more than {MAX_CELLS}" if width > MAX_CELLS else "yet another number of"
        for line in part.get_column("line"):
            tally.set_aside("width", file, line, f"{width} cells: {why} columns")
        return
    seen = widths.setdefault(width, _Width())
    seen.rows += part.height
    seen.first += [(file, line) for line in part.get_column("line").head(LISTED - len(seen.first))]
    fields = [f"_c{place}" for place in range(width)]
    columns = part.select(pl.col("cells").list.to_struct(fields=fields)).unnest("cells")
    # An empty cell is a missing value.
    columns = columns.with_columns(pl.all().replace("", None))
    for batch in columns.to_arrow(compat_level=pl.CompatLevel.newest()).combine_chunks().to_batches():
        seen.state = compute(batch, seen.state)


def _set_aside(tally: Tally, width: int, usual: int, rest: _Width) -> None:
    tally.kinds["width"] += rest.rows
    reason = f"the row has {width} cells, the others have {usual}"
    tally.listed += [SetAside(file=file, line=line, reason=reason) for file, line in rest.first]
