"""xxHash64 of many texts at once, in NumPy.

Spark hashes the texts it counts with xxHash64 and the seed 42; the same registers need the same hashes.

References:
    Collet, "xxHash fast digest algorithm", https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endpointwatch.states.raw import Bytes, Words, contents, padded, words_at

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)


def hashes(texts: Sequence[str] | pa.Array, *, seed: int = 42) -> Words:
    """The hash of each text's UTF-8 bytes.

    Args:
        texts: ``n`` texts without nulls; an Arrow array of strings is read without copying it into Python.
        seed: Seed of the hash; Spark's is 42.

    Returns:
        Hashes in the order of the texts, shape ``(n,)``.
    """
    array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
    if len(array) == 0:
        return np.empty(0, np.uint64)
    data, offsets = contents(array if array.type == pa.large_string() else array.cast(pa.large_string()))
    data = padded(data)
    starts, lengths = offsets[:-1], np.diff(offsets)
    # Texts of one length go through the same steps, so they are hashed together.
    order, different, bounds = _by_length(lengths)
    ordered = starts[order]
    hashed = [
        _hashed(data, ordered[start:end], length, np.uint64(seed))
        for length, (start, end) in zip(different, pairwise(bounds), strict=True)
    ]
    answer = np.empty(len(array), np.uint64)
    answer[order] = np.concatenate(hashed)
    return answer


def _by_length(lengths: NDArray[np.int64]) -> tuple[NDArray[np.intp], list[int], list[int]]:
    """The texts' order by length, the different lengths, and where in that order each begins and the last one ends."""
    # Small numbers are sorted by counting them, many times faster than others.
    order = np.argsort(lengths.astype(np.min_scalar_type(int(lengths.max()))), kind="stable")
    ordered = lengths[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    return order, ordered[begins].tolist(), [*begins.tolist(), lengths.size]


def _hashed(data: Bytes, starts: NDArray[np.int64], length: int, seed: np.uint64) -> Words:
    """The hashes of texts of one length, which begin at ``starts``."""
    at = 0
    with np.errstate(over="ignore"):
        if length >= 32:  # noqa: PLR2004 (the algorithm's stripe)
            state, at = _stripes(data, starts, length, seed)
        else:
            state = np.full(starts.size, seed + _P5, np.uint64)
        state += np.uint64(length)
        while at + 8 <= length:
            state ^= _round(np.uint64(0), words_at(data, starts + at)[:, 0])
            _turn(state, 27)
            state *= _P1
            state += _P4
            at += 8
        tail = words_at(data, starts + at)[:, 0] if at < length else state
        if at + 4 <= length:
            state ^= (tail & np.uint64(0xFFFFFFFF)) * _P1
            _turn(state, 23)
            state *= _P2
            state += _P3
            tail >>= np.uint64(32)
            at += 4
        for _ in range(at, length):
            state ^= (tail & np.uint64(0xFF)) * _P5
            _turn(state, 11)
            state *= _P1
            tail >>= np.uint64(8)
        state ^= state >> np.uint64(33)
        state *= _P2
        state ^= state >> np.uint64(29)
        state *= _P3
        state ^= state >> np.uint64(32)
    return state


def _stripes(data: Bytes, starts: NDArray[np.int64], length: int, seed: np.uint64) -> tuple[Words, int]:
    lanes = [np.full(starts.size, start, np.uint64) for start in (seed + _P1 + _P2, seed + _P2, seed, seed - _P1)]
    at = 0
    while at + 32 <= length:
        lanes = [_round(lane, words_at(data, starts + (at + 8 * place))[:, 0]) for place, lane in enumerate(lanes)]
        at += 32
    one, two, three, four = lanes
    state = _left(one, 1) + _left(two, 7) + _left(three, 12) + _left(four, 18)
    for lane in lanes:
        state = (state ^ _round(np.uint64(0), lane)) * _P1 + _P4
    return state, at


def _round(lane: Words | np.uint64, words: Words) -> Words:
    mixed = words * _P2
    mixed += lane
    _turn(mixed, 31)
    mixed *= _P1
    return mixed


def _turn(words: Words, bits: int) -> None:
    """Rotate each word to the left, in place: a new array an operation is what would cost most."""
    over = words >> np.uint64(64 - bits)
    words <<= np.uint64(bits)
    words |= over


def _left(words: Words, bits: int) -> Words:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))
