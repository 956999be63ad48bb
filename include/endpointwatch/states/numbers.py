"""Columns in which every text is a number, read in one go; whatever else a column holds is left to patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from endpointwatch.states.raw import Bytes, Places, contents

_DOT, _ZERO, _NINE = ord("."), ord("0"), ord("9")
_SMALL_E, _LARGE_E = ord("e"), ord("E")
_LOWEST = ord("+")  # followed by , - . / and the digits
_SPAN = _NINE - _LOWEST


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a column without a text that is none.

    Attributes:
        integral: How many are written as whole numbers.
        fractional: How many have a decimal point or an exponent.
        values: The finite ones in the order of the rows.
    """

    integral: int
    fractional: int
    values: NDArray[np.float64]


def numbers(texts: pl.Series, raw: pa.Array) -> Numbers | None:
    """All ``texts`` as numbers, in the classes that the patterns of :mod:`endpointwatch.states.types` would give.

    Args:
        texts: Without nulls, at least one; dtype String, shape ``(n,)``.
        raw: The same as an Arrow array of large strings.

    Returns:
        None when a text is no number, or written in a way that needs a closer look (``.5``, ``5.``, ``- 5``, ``nan``).
    """
    if not "+" <= texts[0][:1] <= "9":  # a cheap look that spares columns of words all others
        return None
    read = _read(texts, raw)
    if read is None:
        return None
    data, offsets = contents(raw)
    dots = data == _DOT
    exponents = np.zeros(0, np.bool_)
    if not bool(((data - np.uint8(_LOWEST)) <= _SPAN).all()):
        exponents = (data == _SMALL_E) | (data == _LARGE_E)
        if not bool((exponents | ((data - np.uint8(_LOWEST)) <= _SPAN)).all()):
            return None
    # A number has one point at most; one with an exponent may have none.
    found = int(np.count_nonzero(dots))
    if found and not _between_digits(data, offsets, dots):
        return None
    if exponents.size and exponents.any():
        found = int(np.count_nonzero(np.logical_or.reduceat(dots | exponents, offsets[:-1])))
    finite = np.isfinite(read)
    return Numbers(len(texts) - found, found, read if finite.all() else read[finite])


def _read(texts: pl.Series, raw: pa.Array) -> NDArray[np.float64] | None:
    """The texts as the nearest doubles; None when one is no number."""
    try:
        # Arrow reads fewer spellings than Polars does ("+5", "1e999"), and is the faster of the two. Its `to_numpy`
        # would import pandas where that is installed, which takes longer than reading a million numbers.
        read = np.frombuffer(raw.cast(pa.float64()).buffers()[1], np.float64)
    except pa.ArrowInvalid:
        values = texts.cast(pl.Float64, strict=False)
        return None if values.null_count() else values.to_numpy()
    return read


def _between_digits(data: Bytes, offsets: Places, dots: NDArray[np.bool_]) -> bool:
    """Whether each point has a digit of its own text on both sides."""
    if dots[offsets[:-1]].any() or dots[offsets[1:] - 1].any():
        return False
    digits = (data - np.uint8(_ZERO)) <= _NINE - _ZERO
    return not bool((dots[1:-1] & ~(digits[:-2] & digits[2:])).any())
