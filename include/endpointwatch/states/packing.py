"""A sketch's numbers as few bytes: most are decimals of a few places, and whole numbers take less room than doubles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RAW = -1
_PLACES = range(7)
_INTEGER, _DOUBLE = np.dtype("<i4"), np.dtype("<f8")
_LARGEST = 2**31 - 1


def pack(values: NDArray[np.float64]) -> tuple[int, bytes]:
    """Finite ``values``, shape ``(n,)``, as the places of their decimals and bytes; :func:`unpack` gives the same bits.

    The places are :data:`RAW` where the values are no such decimals: then the bytes are the doubles themselves.
    """
    largest = float(np.abs(values).max(initial=0.0))
    # Whole numbers do not know a negative zero.
    if not (np.signbit(values) & (values == 0)).any():
        for places in _PLACES:
            if largest * 10**places > _LARGEST:
                break
            whole = np.rint(values * 10**places)
            if np.array_equal(whole / 10**places, values):
                return places, whole.astype(_INTEGER).tobytes()
    return RAW, values.astype(_DOUBLE).tobytes()


def unpack(places: int, packed: memoryview | bytes) -> NDArray[np.float64]:
    """The values that :func:`pack` made ``places`` and ``packed`` of."""
    if places == RAW:
        return np.frombuffer(packed, _DOUBLE)
    # The division that proved to give the very value, not its inverse as a factor.
    values: NDArray[np.float64] = np.frombuffer(packed, _INTEGER) / 10**places
    return values
