"""Texts as the bytes they are: where each one lies, eight bytes read at once, and a column made of parts of a text."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Words = NDArray[np.uint64]

_INLINE = 12  # so many bytes stand in the view itself
# By length: the bytes of a word that belong to a text, after those that stand before it in the view.
_FIRST = np.array([(1 << 8 * min(4, length)) - 1 for length in range(_INLINE + 1)], np.uint64)
_REST = np.array([(1 << 8 * max(0, length - 4)) - 1 for length in range(_INLINE + 1)], np.uint64)
_HALF = np.uint64(32)


def contents(texts: pa.Array) -> tuple[Bytes, Places]:
    """The bytes of an Arrow array of large strings without nulls, and where each text begins and the last one ends."""
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    return data[offsets[0] : offsets[-1]], offsets - offsets[0]


def words(data: Bytes) -> Words:
    """At each place the eight bytes from there on, the first one lowest; behind the end there are zeros."""
    # Read past the end happens with a text's last bytes only, and they are masked: but there must be something to read.
    padded = np.concatenate((data, np.zeros(16, np.uint8)))
    return np.ndarray((data.size + 9,), "<u8", padded.data, strides=(1,))


def texts_at(
    data: Bytes, starts: Places, lengths: Places, *, word: Words | None = None, blank: bool = False
) -> pl.Series:
    """The texts that stand in ``data`` as a column, which refers to these bytes where a text is long.

    Args:
        data: Valid UTF-8, less than 2 GB.
        starts: Where each text begins, shape ``(n,)``.
        lengths: Their bytes, shape ``(n,)``.
        word: :func:`words` of ``data``, where they are there already.
        blank: Whether a text of no bytes stays a text; else it becomes null.

    References:
        Arrow columnar format, "Variable-size Binary View Layout".
    """
    word = words(data) if word is None else word
    short = np.minimum(lengths, _INLINE)
    first = word[starts]
    views = np.empty((starts.size, 2), np.uint64)
    views[:, 0] = lengths.astype(np.uint64) | (first & _FIRST[short]) << _HALF
    if int(lengths.max(initial=0)) <= _INLINE:
        views[:, 1] = word[starts + 4] & _REST[short]
    else:
        views[:, 1] = np.where(lengths <= _INLINE, word[starts + 4] & _REST[short], starts.astype(np.uint64) << _HALF)
    missing = 0 if blank else starts.size - int(np.count_nonzero(lengths))
    bitmap = pa.py_buffer(np.packbits(lengths > 0, bitorder="little")) if missing else None
    buffers = [bitmap, pa.py_buffer(views), pa.py_buffer(data)]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), starts.size, buffers, missing))
