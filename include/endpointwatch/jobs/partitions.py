"""The parts of a window as a cluster reads them: each comes home as bytes, with states that add up.

Every statistic that adds up exactly is that of one process. Only quantile sketches differ, within their bound: each
partition compacts its own. One partition alone gives the same state bit by bit.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from pydantic import BaseModel

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.errors import CaptureError
from endpointwatch.jobs import parts
from endpointwatch.jobs.collect import accumulated
from endpointwatch.jobs.parts import Kind, Names, Part, every
from endpointwatch.jobs.rows import captured
from endpointwatch.monitors import data_quality
from endpointwatch.states import Table
from endpointwatch.states import file as state_file

#: A partition takes files of about so many bytes, so that starting its task costs little beside reading it.
PARTITION_BYTES = 64 * 1024 * 1024
#: Their states are put together in one process: some 25 kB a column and partition.
MOST_PARTITIONS = 256


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
    """The window's files in at most :data:`MOST_PARTITIONS` sets; see :func:`endpointwatch.jobs.parts.cut`."""
    return parts.cut(folder, size, most=MOST_PARTITIONS)


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
    try:
        widths, named = accumulated(captured(folder, tally, reading, names), tally, data_quality.compute)
    except CaptureError as error:
        # Told in the head: an exception would come home as a page of somebody else's stack trace.
        return _packed(_Head(fault=str(error)), [])
    kinds = [*widths.items(), (None, named)]
    with tempfile.TemporaryDirectory(prefix="partition-") as place:
        states = [_bytes(kind.state or Table(), Path(place) / state_file.STATE_FILE) for _, kind in kinds]
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


def together(packed: Iterable[bytes], tally: Tally) -> tuple[dict[int, Kind[Table]], Kind[Table]]:
    """What :func:`read` found in each partition, in their order; see :func:`endpointwatch.jobs.parts.together`.

    Raises:
        CaptureError: A partition could not be read.
    """
    return parts.together(map(_unpacked, packed), tally, _sum)


def _sum(state: Table, more: Table) -> Table:
    names = every(state.names, more.names)
    return state.widened(names) + more.widened(names) if state.names else more


def _packed(head: _Head, states: Sequence[bytes]) -> bytes:
    return b"".join((head.model_dump_json().encode(), b"\n", *states))


def _unpacked(packed: bytes) -> Part[Table]:
    text, _, rest = packed.partition(b"\n")
    head = _Head.model_validate_json(text)
    if head.fault is not None:
        raise CaptureError(head.fault)
    tally = Tally(0, head.outside_window, head.skipped, Counter(head.set_aside), head.listed)
    return Part(tally, dict(_kinds(head.kinds, rest)))


def _kinds(told: Sequence[_Told], rest: bytes) -> Iterator[tuple[int | None, Kind[Table]]]:
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
