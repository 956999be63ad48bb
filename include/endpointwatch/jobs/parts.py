"""A window cut into sets of files that are read apart, in any process, and put together again in their order.

What one process would have found is found again: the rows read, analysed and set aside (with file, line and reason),
the usual width, the columns' order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from endpointwatch.capture.accounting import SetAside
from endpointwatch.capture.files import SUFFIXES, files, passed_over, text_bytes
from endpointwatch.capture.tally import LISTED, Tally
from endpointwatch.jobs.collect import MAX_WIDTHS
from endpointwatch.states import Table

#: The files of a part, relative to the window's folder.
Names = tuple[str, ...]
Found = TypeVar("Found")


@dataclass(slots=True)
class Kind(Generic[Found]):
    """The rows of one width, or those with names, as :func:`endpointwatch.jobs.collect.accumulated` tells them."""

    state: Found | None = None
    rows: int = 0
    first: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part(Generic[Found]):
    """What was found in some files.

    Attributes:
        tally: Of their rows; those of ``kinds`` are not in it yet.
        kinds: The rows by width; with None those that have names.
    """

    tally: Tally
    kinds: dict[int | None, Kind[Found]]


def cut(folder: Path, size: int, *, most: int | None = None) -> tuple[Names, ...]:
    """The files below ``folder``, by name and in their order, in sets of about ``size`` bytes, at most ``most`` sets.

    Compressed files count with what they hold, about.

    The sets follow from the files alone, not from the machines that are there: the same window gives the same bytes. A
    file is never divided, so one large file is one set.

    Raises:
        CaptureError: There is no such folder.
    """
    found = files(folder, SUFFIXES)
    # Whoever reads accounts for files that are no captures before all others; so they go into the first set.
    parts: list[list[str]] = [[_name(path, folder) for path in passed_over(folder, SUFFIXES)]]
    sizes = [text_bytes(path) for path in found]
    limit, filled = size if most is None else max(size, -(-2 * sum(sizes) // (most - 1))), 0
    for path, length in zip(found, sizes, strict=True):
        if filled and filled + length > limit:
            parts.append([])
            filled = 0
        parts[-1].append(_name(path, folder))
        filled += length
    return tuple(tuple(part) for part in parts if part)


def together(
    parts: Iterable[Part[Found]], tally: Tally, join: Callable[[Table, Found], Table]
) -> tuple[dict[int, Kind[Table]], Kind[Table]]:
    """What was found in each part, in their order, as if one process had read them all.

    Rows of more than :data:`MAX_WIDTHS` different widths are set aside as they come; which ones these are may then
    differ from one process's choice.

    Args:
        parts: In the order of their files.
        tally: Of all rows.
        join: The state of the rows so far (empty at first) and of those of the next part.
    """
    widths: dict[int, Kind[Table]] = {}
    named: Kind[Table] = Kind()
    for part in parts:
        tally.outside_window += part.tally.outside_window
        tally.skipped += part.tally.skipped
        tally.kinds.update(part.tally.kinds)
        tally.listed += part.tally.listed[: max(0, LISTED - len(tally.listed))]
        for width, kind in part.kinds.items():
            if width is not None and width not in widths and len(widths) == MAX_WIDTHS:
                tally.kinds["width"] += kind.rows
                reason = f"{width} cells: yet another number of columns"
                tally.listed += [SetAside(file=file, line=line, reason=reason) for file, line in kind.first]
                continue
            own = named if width is None else widths.setdefault(width, Kind())
            own.rows += kind.rows
            own.first += kind.first[: LISTED - len(own.first)]
            if kind.state is not None:
                own.state = join(own.state or Table(), kind.state)
    return widths, named


def every(names: Names, more: Names) -> Names:
    """Columns with names stand in the order in which they were first seen, a part's new ones behind the others."""
    return tuple(dict.fromkeys((*names, *more)))


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
