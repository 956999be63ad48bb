"""CSV texts of one line and of as many cells, to columns: no text is split, cells are found where they lie."""

from __future__ import annotations

import numpy as np
import polars as pl

from endpointwatch.states.raw import columns_at, contents

Columns = tuple[pl.Series, ...]
_COMMA, _QUOTE, _FEED, _RETURN = (ord(character) for character in ',"\n\r')


def columns_of(texts: pl.Series) -> Columns | None:
    """The cells of each text column by column, null where one is empty.

    Args:
        texts: CSV payloads without nulls, at least one; line ends at their end do not count.

    Returns:
        None when the texts do not all have as many cells, one has several lines, or cells are quoted.
    """
    raw = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    data, offsets = contents(raw)
    if bool((data < _COMMA).any()) and _has(data, _FEED, _RETURN):
        raw = texts.str.strip_chars_end("\r\n").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        data, offsets = contents(raw)
        if _has(data, _FEED, _RETURN):
            return None
    if _has(data, _QUOTE):
        return None
    commas = np.flatnonzero(data == _COMMA)
    rows = offsets.size - 1
    if commas.size % rows:
        return None
    width = commas.size // rows + 1
    bounds = np.empty((width + 1, rows), np.int64)
    bounds[0] = offsets[:-1] - 1
    bounds[1:-1] = commas.reshape(rows, width - 1).T
    bounds[-1] = offsets[1:]
    # As many commas in all do not make as many in each text.
    if bool((bounds[1] < offsets[:-1]).any() or (bounds[-2] >= offsets[1:]).any()):
        return None
    starts = bounds[:-1] + 1
    lengths = bounds[1:] - starts
    return columns_at(data, starts, lengths)


def _has(data: np.ndarray[tuple[int], np.dtype[np.uint8]], *characters: int) -> bool:
    return any(bool((data == character).any()) for character in characters)
