"""A window's rows parted by the values of a column, while they are read: a state for each value, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import polars as pl

from endpointwatch.errors import ConfigError
from endpointwatch.jobs.collect import Batch, Compute
from endpointwatch.states import Column, Distinct, Table

FOLDER = "segments"
OTHER = f"{FOLDER}/other"
MISSING = f"{FOLDER}/missing"
#: ``line`` and ``cells`` of some rows, and the names of the cells.
Rows = tuple[pl.DataFrame, tuple[str, ...]]
_BUFFERED = 50_000
_TOO_MANY = 100_000
_LONGEST = 100


def folder_of(column: str, value: str | None) -> str:
    """Where a segment's files lie, relative to the window's folder: ``segments/region=north``.

    Whatever does not belong into a path is percent-encoded; a long value is cut, and its hash tells it apart. ``None``
    stands for the rows without a value.
    """
    if value is None:
        return MISSING
    name = f"{quote(column, safe='')}={quote(value, safe='')}"
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(f'{column}={value}'.encode()).hexdigest()[:16]}"
    return f"{FOLDER}/{name}"


def most_frequent(batches: Iterable[Rows], column: str, maximum: int) -> tuple[str, ...]:
    """The values of ``column`` that most rows have, the most frequent first and equally frequent ones by text.

    Raises:
        ConfigError: The column has so many different values that rows cannot be parted by it.
    """
    counts: Counter[str] = Counter()
    for frame, names in batches:
        for value, rows in _keyed(frame, names, column).group_by("segment").len().iter_rows():
            if value is not None:
                counts[value] += rows
        if len(counts) > _TOO_MANY:
            raise ConfigError(
                f"monitors.data_quality.segments.column: {column!r} has more than {_TOO_MANY} different values. "
                "Choose a column with few, as a region or a device."
            )
    return tuple(value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:maximum])


@dataclass(slots=True)
class Split:
    """Collects a state for each of at most ``maximum`` values, one for all others' rows and one for those without.

    Attributes:
        column: Whose values part the rows.
        maximum: Most values that have a state of their own.
        compute: The monitor's.
        names: The baseline's columns: those of rows without names, and the order of the states' columns.
        known: Values that have a place whatever comes first: those of the baseline.
        states: The values' states, in the order of their appearance.
        other: The state of the rows of values that found no place.
        missing: The state of the rows without a value.
        beyond: Which values found no place.
    """

    column: str
    maximum: int
    compute: Compute[Table]
    names: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    states: dict[str, Table] = field(default_factory=dict)
    other: Table = field(default_factory=Table)
    missing: Table = field(default_factory=Table)
    beyond: Distinct = field(default_factory=lambda: Distinct.of([]))
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _columns: tuple[str, ...] = ()
    _newcomers: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def over(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches; on the way each row is added to its segment."""
        for batch in batches:
            self.take(batch.frame, batch.names or self.names)
            yield batch

    def take(self, frame: pl.DataFrame, names: tuple[str, ...]) -> None:
        """Add the rows of ``frame`` (``line`` and ``cells``) that have as many cells as ``names``."""
        if names != self._columns:
            self._flush()
            self._columns = names
            self._seen.update(names)
        self._frames.append(frame)
        # The state does not depend on how rows are cut into batches, and a small one costs as much as a large one.
        if sum(part.height for part in self._frames) >= _BUFFERED:
            self._flush()

    def seen(self, column: str) -> bool:
        """Whether any row had a column of that name."""
        return column in self._seen

    def settled(self, whole: Table) -> Split | None:
        """This split with states of the columns of ``whole``; None unless it has exactly the rows of ``whole``."""
        self._flush()
        parts = (*self.states.values(), self.other, self.missing)
        if sum(part.rows for part in parts) != whole.rows:
            return None
        self.states = {value: _fitted(state, whole.names) for value, state in self.states.items()}
        self.other, self.missing = _fitted(self.other, whole.names), _fitted(self.missing, whole.names)
        return self

    def _flush(self) -> None:
        frames, self._frames = self._frames, []
        if not frames or not self._columns:
            return
        frame = _keyed(pl.concat(frames), self._columns, self.column)
        strangers = [
            value for value in frame["segment"].drop_nulls().unique(maintain_order=True) if self._is_out(value)
        ]
        # All strangers at once: there may be as many of them as there are rows.
        out = pl.col("segment").is_in(strangers)
        self.beyond = self.beyond + Distinct.of(strangers)
        self.other = self._extended(self.other, frame.filter(out))
        self.missing = self._extended(self.missing, frame.filter(pl.col("segment").is_null()))
        for (value,), part in frame.filter(~out).group_by("segment", maintain_order=True):
            self.states[str(value)] = self._extended(self.states.get(str(value), Table()), part)

    def _is_out(self, value: str) -> bool:
        if value in self.known or value in self._newcomers:
            return False
        if len(self._newcomers) + len(self.known) >= self.maximum:
            return True
        self._newcomers.add(value)
        return False

    def _extended(self, state: Table, part: pl.DataFrame) -> Table:
        if part.is_empty():
            return state
        own = self._columns
        target = (*self.names, *(name for name in own if name not in self.names))
        place = {name: str(number) for number, name in enumerate(own)}
        cells = part.select(pl.col("cells").list.to_struct(fields=list(place.values()))).unnest("cells")
        columns = [pl.col(place[name]) if name in place else pl.lit(None, pl.String) for name in target]
        table = cells.select(column.alias(str(number)) for number, column in enumerate(columns))
        arrow = table.with_columns(pl.all().replace("", None)).to_arrow(compat_level=pl.CompatLevel.newest())
        state = _fitted(state, target) if state.names else state
        for batch in arrow.combine_chunks().rename_columns(list(target)).to_batches():
            state = self.compute(batch, state)
        return state


def _keyed(frame: pl.DataFrame, names: tuple[str, ...], column: str) -> pl.DataFrame:
    """The rows with as many cells as there are names, and their value of ``column`` as ``segment``."""
    cells = pl.col("cells")
    value = cells.list.get(names.index(column)).replace("", None) if column in names else pl.lit(None, pl.String)
    return frame.filter(cells.list.len() == len(names)).with_columns(segment=value)


def _fitted(state: Table, names: tuple[str, ...]) -> Table:
    """The state with exactly the columns ``names``, without values where it has none of the name."""
    own: Mapping[str, Column] = dict(zip(state.names, state.columns, strict=True))
    return Table(names, tuple(own.get(name, Column(rows=state.rows)) for name in names), state.rows)
