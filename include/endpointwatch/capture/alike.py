"""Records of one program look alike: only some of their texts differ. Such lines need no JSON parser.

The first line is read as usual. Another line that has the same bytes everywhere but inside those texts is a record of
the same shape, and its texts stand between the same quotation marks. Lines of which that cannot be said are left to a
parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from endpointwatch.states.raw import Bytes, Places, columns_at

Row = Mapping[str, str | None]
_QUOTE, _FEED, _SPACE = (ord(character) for character in '"\n ')
_MARK = re.compile(r"#(\d+)")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What lines alike have in common.

    Attributes:
        marks: Quotation marks of a line.
        texts: Those that begin the texts which may differ, in their order.
        same: The bytes before, between and after these texts.
        told: By column the text (the number of its first quotation mark) that it holds, or its one value.
    """

    marks: int
    texts: tuple[int, ...]
    same: tuple[bytes, ...]
    told: dict[str, int | str | None]

    @property
    def read(self) -> tuple[int, ...]:
        return tuple(number for number in self.texts if number in self.told.values())


def alike(
    chunk: bytes,
    count: int,
    read: Callable[[bytes], Row],
    fixed: frozenset[str] = frozenset(),
    whole: str | None = None,
) -> dict[str, pl.Series] | None:
    """The columns of the records in ``chunk``, or None when its lines are not alike.

    Args:
        chunk: UTF-8, checked already.
        count: Its lines.
        read: One line by column; texts as they stand in the record. May raise ``ValueError``.
        fixed: Columns that have to be the same on all lines.
        whole: One more column, of the lines themselves.
    """
    data = np.frombuffer(chunk, np.uint8)
    if data[-1] != _FEED:
        data = np.append(data, np.uint8(_FEED))
    # The single byte first: it is found many times faster than two, and mostly there is none.
    escaped = b"\\" in chunk
    if (escaped and b'\\"' in chunk) or int(np.count_nonzero(data < _SPACE)) != count:
        return None
    shape = _shape(data[: chunk.find(b"\n") + 1 or data.size].tobytes(), read, fixed)
    places = np.flatnonzero(data == _QUOTE)
    if shape is None or places.size != count * shape.marks:
        return None
    marks: Places = places.reshape(count, shape.marks)
    if not _same(data, marks, shape):
        return None
    numbers = shape.texts if escaped else shape.read
    starts = marks.T[list(numbers)] + 1
    found = columns_at(data, starts, marks.T[[number + 1 for number in numbers]] - starts, blank=True)
    texts = {}
    for number, text in zip(numbers, found, strict=True):
        plain = _unescaped(text) if escaped else text
        if plain is None:
            return None
        texts[number] = plain
    columns = {
        name: texts[told] if isinstance(told, int) else pl.Series([told], dtype=pl.String).new_from_index(0, count)
        for name, told in shape.told.items()
    }
    if whole is not None:
        ends = marks[:, shape.texts[-1] + 1] + len(shape.same[-1])
        starts = np.concatenate(([0], ends[:-1]))
        (columns[whole],) = columns_at(data, starts[None], (ends - starts - 1)[None], blank=True)
    return columns


def _shape(line: bytes, read: Callable[[bytes], Row], fixed: frozenset[str]) -> _Shape | None:
    marks = [place for place, byte in enumerate(line) if byte == _QUOTE]
    if not marks or len(marks) % 2:
        return None
    values = [number for number in range(0, len(marks), 2) if line[marks[number + 1] + 1 :].lstrip()[:1] != b":"]
    # With each text replaced by its number, what is read of the line says which text is what.
    try:
        row = read(_with(line, marks, {number: b"#%d" % number for number in values}))
        first = read(line)
    except (ValueError, RecursionError):
        return None
    told: dict[str, int | str | None] = {}
    for name, value in row.items():
        number = _MARK.fullmatch(value) if isinstance(value, str) else None
        if number is None and "#" in str(value):
            return None  # a text inside of something that is no text
        if number is not None and name in fixed:
            values.remove(int(number[1]))
        told[name] = int(number[1]) if number and name not in fixed else first[name]
    texts = tuple(values)
    bounds = [0, *(place for number in texts for place in (marks[number] + 1, marks[number + 1])), len(line)]
    same = tuple(line[bounds[place] : bounds[place + 1]] for place in range(0, len(bounds), 2))
    return _Shape(len(marks), texts, same, told)


def _with(line: bytes, marks: list[int], texts: dict[int, bytes]) -> bytes:
    parts, last = [], 0
    for number, text in texts.items():
        parts += [line[last : marks[number] + 1], text]
        last = marks[number + 1]
    return b"".join([*parts, line[last:]])


def _same(data: Bytes, marks: Places, shape: _Shape) -> bool:
    """Whether every line is that of the shape but for its texts."""
    ends = [marks[:, number] + 1 for number in shape.texts]  # of the bytes that are the same, exclusive
    starts = [marks[:, number + 1] for number in shape.texts]
    last = (starts[-1] if starts else np.full(1, -len(shape.same[-1]))) + len(shape.same[-1])
    starts = [np.concatenate(([0], last[:-1])), *starts]
    ends = [*ends, last]
    if int(last[-1]) != data.size:
        return False
    for start, end, same in zip(starts, ends, shape.same, strict=True):
        if not bool((end - start == len(same)).all()) or not _reads(data, start, same):
            return False
    return True


def _reads(data: Bytes, starts: Places, same: bytes) -> bool:
    """Whether these bytes stand at each of ``starts``."""
    # At each place as many bytes from there on as one item, so that all are compared at once.
    parts = np.ndarray((data.size - len(same) + 1,), f"V{len(same)}", data.data, strides=(1,))[starts]
    return parts.tobytes() == same * starts.size


def _unescaped(texts: pl.Series) -> pl.Series | None:
    """The texts with their line ends; None when other characters are escaped too."""
    if not texts.str.contains("\\", literal=True).any():
        return texts
    if texts.str.contains(r"\\[^nr]").any():
        return None
    return texts.str.replace_all("\\n", "\n", literal=True).str.replace_all("\\r", "\r", literal=True)
