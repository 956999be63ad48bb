"""A window cut into sets of files that are read apart, in any process, and put together again.

What one process would have found is found again: the rows read, analysed and set aside (with file, line and reason),
the usual width, the columns' order, and every statistic that adds up exactly. Only quantile sketches differ, within
their bound: each partition compacts its own. One partition alone gives the same state bit by bit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path

from pydantic import BaseModel

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.files import SUFFIXES, files, passed_over
from endpointwatch.capture.tally import LISTED, Tally
from endpointwatch.capture.window import Reading
from endpointwatch.errors import CaptureError
from endpointwatch.jobs.collect import MAX_WIDTHS, accumulated
from endpointwatch.jobs.rows import captured
from endpointwatch.monitors import data_quality
from endpointwatch.states import Column, Table
from endpointwatch.states import file as state_file

#: A partition takes files of about so many bytes, so that starting its task costs little beside reading it.
PARTITION_BYTES = 64 * 1024 * 1024
#: Their states are put together in one process: some 25 kB a column and partition.
MOST_PARTITIONS = 256
Names = tuple[str, ...]


@dataclass(slots=True)
class Kind:
    """The rows of one width, or those with names, as :func:`endpointwatch.jobs.collect.accumulated` tells them."""

    state: Table | None = None
    rows: int = 0
    first: list[tuple[str, int]] = field(default_factory=list)


class _Told(BaseModel):
    """A :class:`Kind` without its state, of which only the size is told; ``width`` None for rows with names."""

    width: int | None
    rows: int
    first: list[tuple[str, int]]
    size: int


class _Head(BaseModel):
    """What stands before the states of a packed partition."""

    fault: str | None = None
    outside_window: int = 0
    skipped: int = 0
    set_aside: dict[str, int] = {}
    listed: list[SetAside] = []
    kinds: list[_Told] = []


def cut(folder: Path, size: int = PARTITION_BYTES) -> tuple[Names, ...]:
    """The files below ``folder``, by name and in their order, in sets of about ``size`` bytes.

    The sets follow from the files alone, not from the machines that are there: the same window gives the same bytes. A
    file is never divided, so one large file is one set.

    Raises:
        CaptureError: There is no such folder.
    """
    found = files(folder, SUFFIXES)
    # Whoever reads accounts for files that are no captures before all others; so they go into the first set.
    parts: list[list[str]] = [[_name(path, folder) for path in passed_over(folder, SUFFIXES)]]
    sizes = [path.stat().st_size for path in found]
    limit, filled = max(size, -(-2 * sum(sizes) // (MOST_PARTITIONS - 1))), 0
    for path, length in zip(found, sizes, strict=True):
        if filled and filled + length > limit:
            parts.append([])
            filled = 0
        parts[-1].append(_name(path, folder))
        filled += length
    return tuple(tuple(part) for part in parts if part)


def read(folder: Path, names: Names, reading: Reading) -> bytes:
    """The rows of one partition by kind and their accounting, packed for :func:`together`.

    Args:
        folder: The window's, as it lies where this runs.
        names: The partition's files, relative to it.
        reading: How records become rows.
    """
    tally = Tally()
    if absent := [name for name in names if not (folder / name).is_file()]:
        fault = f"{folder / absent[0]}: not where this partition is read. Every executor needs all captures there."
        return _packed(_Head(fault=fault), [])
    with tempfile.TemporaryDirectory(prefix="partition-") as place:
        # A folder of links: whatever the reader does with a window's folder, it does with a part of one.
        part = Path(place).resolve()
        for name in names:
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).symlink_to((folder / name).resolve())
        try:
            widths, named = accumulated(captured(part, tally, reading), tally, data_quality.compute)
        except CaptureError as error:
            # Told in the head: an exception would come home as a page of somebody else's stack trace.
            return _packed(_Head(fault=str(error).replace(str(part), str(folder))), [])
        kinds = [*widths.items(), (None, named)]
        states = [_bytes(kind.state or Table(), part / state_file.STATE_FILE) for _, kind in kinds]
    heads = [
        _Told(width=width, rows=kind.rows, first=kind.first, size=len(state))
        for (width, kind), state in zip(kinds, states, strict=True)
    ]
    head = _Head(
        outside_window=tally.outside_window,
        skipped=tally.skipped,
        set_aside=dict(tally.kinds),
        listed=tally.listed,
        kinds=heads,
    )
    return _packed(head, states)


def together(packed: Iterable[bytes], tally: Tally) -> tuple[dict[int, Kind], Kind]:
    """What :func:`read` found in each partition, in their order, as if one process had read them all.

    Rows of more than :data:`MAX_WIDTHS` different widths are set aside as they come; which ones these are may then
    differ from one process's choice.

    Raises:
        CaptureError: A partition could not be read.
    """
    widths: dict[int, Kind] = {}
    named = Kind()
    for part in packed:
        head, kinds = _unpacked(part)
        if head.fault is not None:
            raise CaptureError(head.fault)
        tally.outside_window += head.outside_window
        tally.skipped += head.skipped
        tally.kinds.update(head.set_aside)
        tally.listed += head.listed[: max(0, LISTED - len(tally.listed))]
        for width, kind in kinds:
            if width is None:
                _add(named, kind)
            elif width in widths or len(widths) < MAX_WIDTHS:
                _add(widths.setdefault(width, Kind()), kind)
            else:
                tally.kinds["width"] += kind.rows
                reason = f"{width} cells: yet another number of columns"
                tally.listed += [SetAside(file=file, line=line, reason=reason) for file, line in kind.first]
    return widths, named


def _add(kind: Kind, more: Kind) -> None:
    kind.rows += more.rows
    kind.first += more.first[: LISTED - len(kind.first)]
    if kind.state is None or more.state is None:
        kind.state = kind.state or more.state
        return
    # Columns with names stand in the order in which they were first seen, a partition's new ones behind the others.
    every = tuple(dict.fromkeys((*kind.state.names, *more.state.names)))
    kind.state = _with(kind.state, every) + _with(more.state, every)


def _with(state: Table, names: Names) -> Table:
    """The state with the columns ``names``, those it has not without values."""
    own = dict(zip(state.names, state.columns, strict=True))
    return Table(names, tuple(own.get(name, Column(rows=state.rows)) for name in names), state.rows)


def _packed(head: _Head, states: Sequence[bytes]) -> bytes:
    return b"".join((head.model_dump_json().encode(), b"\n", *states))


def _unpacked(packed: bytes) -> tuple[_Head, Iterator[tuple[int | None, Kind]]]:
    text, _, rest = packed.partition(b"\n")
    head = _Head.model_validate_json(text)
    return head, _kinds(head.kinds, rest)


def _kinds(told: Sequence[_Told], rest: bytes) -> Iterator[tuple[int | None, Kind]]:
    bounds = accumulate((kind.size for kind in told), initial=0)
    with tempfile.TemporaryDirectory(prefix="states-") as place:
        path = Path(place) / state_file.STATE_FILE
        for kind, (start, end) in zip(told, pairwise(bounds), strict=True):
            path.write_bytes(rest[start:end])
            state = state_file.read(path)
            yield kind.width, Kind(state if kind.rows else None, kind.rows, kind.first)


def _bytes(state: Table, path: Path) -> bytes:
    state_file.write(state, path)
    return path.read_bytes()


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
