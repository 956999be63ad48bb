"""Texts as the bytes they are: where each one lies, eight bytes read at once, and a column made of parts of a text."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Words = NDArray[np.uint64]

_WORD = 8
_INLINE = 12  # so many bytes stand in the view itself
_BEFORE = 4  # the length stands before them
_HALF = np.uint64(32)
# By length: the bytes of a view that belong to a short text or are its length.
_OWN = np.array(
    [list(((1 << 8 * (length + _BEFORE)) - 1).to_bytes(2 * _WORD, "little")) for length in range(_INLINE + 1)], np.uint8
).view("V16")[:, 0]


def contents(texts: pa.Array) -> tuple[Bytes, Places]:
    """The bytes of an Arrow array of large strings without nulls, and where each text begins and the last one ends."""
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    return data[offsets[0] : offsets[-1]], offsets - offsets[0]


def padded(data: Bytes) -> Bytes:
    """``data`` with zeros behind it, so that the words from any place on can be read."""
    return np.concatenate((data, np.zeros(2 * _WORD, np.uint8)))


def words_at(data: Bytes, starts: Places, count: int = 1) -> Words:
    """``count`` words of eight bytes from each of ``starts`` on, the first byte lowest; shape ``(n, count)``.

    Args:
        data: With as many bytes from each of ``starts`` on, as :func:`padded` makes it.
        starts: Places in the data.
        count: One or two.
    """
    # Items that overlap: at each place as many bytes from there on as one.
    items = np.ndarray((data.size - _WORD * count + 1,), f"V{_WORD * count}", data.data, strides=(1,))
    return items[starts].view("<u8").reshape(-1, count)


def columns_at(data: Bytes, starts: Places, lengths: Places, *, blank: bool = False) -> tuple[pl.Series, ...]:
    """The texts that stand in ``data`` column by column; they refer to these bytes where a text is long.

    Args:
        data: Valid UTF-8, less than 2 GB.
        starts: Where each text begins, shape ``(columns, n)``.
        lengths: Their bytes, shape ``(columns, n)``.
        blank: Whether a text of no bytes stays a text; else it becomes null.

    References:
        Arrow columnar format, "Variable-size Binary View Layout".
    """
    # One column of all texts that is cut: making one costs more than many a column's texts do.
    columns, rows = starts.shape
    whole = _texts_at(*_roomy(data, starts.ravel()), lengths.ravel(), blank=blank)
    return tuple(whole.slice(place * rows, rows) for place in range(columns))


def _roomy(data: Bytes, starts: Places) -> tuple[Bytes, Places]:
    """``data`` with the bytes around each text that a view of it covers, and where the texts begin then."""
    first, last = (int(starts.min()), int(starts.max())) if starts.size else (0, 0)
    before, behind = max(0, _BEFORE - first), max(0, last + _INLINE - data.size)
    if not before and not behind:
        return data, starts
    return np.concatenate((np.zeros(before, np.uint8), data, np.zeros(behind, np.uint8))), starts + before


def _texts_at(body: Bytes, starts: Places, lengths: Places, *, blank: bool) -> pl.Series:
    """The texts that stand in ``body`` at ``starts``; there are four bytes before each, and twelve from it on."""
    # What stands before a text makes room for its length, what stands behind it is blotted out.
    views = words_at(body, starts - _BEFORE, 2)
    views.view("<u4")[:, 0] = lengths
    views &= _OWN[np.minimum(lengths, _INLINE)].view("<u8").reshape(-1, 2)
    if int(lengths.max(initial=0)) > _INLINE:
        long = lengths > _INLINE
        views[long, 1] = starts[long].astype(np.uint64) << _HALF
    missing = 0 if blank else starts.size - int(np.count_nonzero(lengths))
    bitmap = pa.py_buffer(np.packbits(lengths > 0, bitorder="little")) if missing else None
    buffers = [bitmap, pa.py_buffer(views), pa.py_buffer(body)]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), starts.size, buffers, missing))
