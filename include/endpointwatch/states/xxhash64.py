"""xxHash64 of many texts at once, in NumPy.

Spark hashes the texts it counts with xxHash64 and the seed 42; the same registers need the same hashes.

References:
    Collet, "xxHash fast digest algorithm", https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Words = NDArray[np.uint64]

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
    array = array.cast(pa.large_binary())
    if len(array) == 0:
        return np.empty(0, np.uint64)
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    lengths = np.diff(offsets)
    answer = np.empty(len(array), np.uint64)
    # Texts of one length go through the same steps, so they are hashed together, as rows of a matrix.
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        block = _block(data, offsets, rows, int(length))
        answer[rows] = _hash_rows(block, np.uint64(seed))
    return answer


def _block(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], rows: NDArray[np.intp], length: int
) -> NDArray[np.uint8]:
    if length == 0:
        return np.empty((rows.size, 0), np.uint8)
    if rows.size == offsets.size - 1:
        # All are of one length, as ids are: they lie side by side already.
        return np.asarray(data[offsets[0] : offsets[-1]].reshape(rows.size, length), np.uint8)
    return np.asarray(data[offsets[rows][:, None] + np.arange(length)], np.uint8)


def _hash_rows(block: NDArray[np.uint8], seed: np.uint64) -> Words:
    count, length = block.shape
    at = 0
    with np.errstate(over="ignore"):
        if length >= 32:  # noqa: PLR2004 (the algorithm's stripe)
            state, at = _stripes(block, seed)
        else:
            state = np.full(count, seed + _P5, np.uint64)
        state = state + np.uint64(length)
        while at + 8 <= length:
            state ^= _round(np.zeros(count, np.uint64), _words(block, at, 8))
            state = _left(state, 27) * _P1 + _P4
            at += 8
        if at + 4 <= length:
            state ^= _words(block, at, 4) * _P1
            state = _left(state, 23) * _P2 + _P3
            at += 4
        for place in range(at, length):
            state ^= block[:, place].astype(np.uint64) * _P5
            state = _left(state, 11) * _P1
        state ^= state >> np.uint64(33)
        state *= _P2
        state ^= state >> np.uint64(29)
        state *= _P3
        state ^= state >> np.uint64(32)
    return state


def _stripes(block: NDArray[np.uint8], seed: np.uint64) -> tuple[Words, int]:
    count, length = block.shape
    lanes = [np.full(count, start, np.uint64) for start in (seed + _P1 + _P2, seed + _P2, seed, seed - _P1)]
    at = 0
    while at + 32 <= length:
        lanes = [_round(lane, _words(block, at + 8 * place, 8)) for place, lane in enumerate(lanes)]
        at += 32
    one, two, three, four = lanes
    state = _left(one, 1) + _left(two, 7) + _left(three, 12) + _left(four, 18)
    for lane in lanes:
        state = (state ^ _round(np.zeros(count, np.uint64), lane)) * _P1 + _P4
    return state, at


def _round(lane: Words, words: Words) -> Words:
    return _left(lane + words * _P2, 31) * _P1


def _left(words: Words, bits: int) -> Words:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


def _words(block: NDArray[np.uint8], at: int, size: int) -> Words:
    kind = "<u8" if size == 8 else "<u4"  # noqa: PLR2004 (bytes of a word)
    return np.ascontiguousarray(block[:, at : at + size]).view(kind)[:, 0].astype(np.uint64)
