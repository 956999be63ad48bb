"""Spark's count of different texts while there are few: HyperLogLogPlusPlusHelper over xxHash64, linear counting."""

from __future__ import annotations

import math

SEED, PRECISION = 42, 9
LIMIT = 400  # above, Spark subtracts a bias that it looks up
_ALL = 2**64 - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def estimate(texts: set[str]) -> int:
    registers = 2**PRECISION
    taken = {xxhash64(text.encode()) >> (64 - PRECISION) for text in texts}
    count = registers * math.log(registers / (registers - len(taken)))
    if count > LIMIT:
        raise ValueError(f"{len(texts)} different texts are too many for linear counting")
    return math.floor(count + 0.5)


def xxhash64(data: bytes) -> int:
    """https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md"""
    rest = data
    value = (SEED + _P5) & _ALL
    if len(data) >= 32:
        lanes = [(SEED + _P1 + _P2) & _ALL, (SEED + _P2) & _ALL, SEED, (SEED - _P1) & _ALL]
        while len(rest) >= 32:
            lanes = [_round(lane, _number(rest[8 * place :][:8])) for place, lane in enumerate(lanes)]
            rest = rest[32:]
        value = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _ALL
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * _P1 + _P4) & _ALL
    value = (value + len(data)) & _ALL
    while len(rest) >= 8:
        value = (_rotated(value ^ _round(0, _number(rest[:8])), 27) * _P1 + _P4) & _ALL
        rest = rest[8:]
    if len(rest) >= 4:
        value = (_rotated(value ^ (_number(rest[:4]) * _P1 & _ALL), 23) * _P2 + _P3) & _ALL
        rest = rest[4:]
    for byte in rest:
        value = _rotated(value ^ (byte * _P5 & _ALL), 11) * _P1 & _ALL
    value = (value ^ (value >> 33)) * _P2 & _ALL
    value = (value ^ (value >> 29)) * _P3 & _ALL
    return value ^ (value >> 32)


def _round(lane: int, number: int) -> int:
    return _rotated((lane + number * _P2) & _ALL, 31) * _P1 & _ALL


def _rotated(number: int, bits: int) -> int:
    return ((number << bits) | (number >> (64 - bits))) & _ALL


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
