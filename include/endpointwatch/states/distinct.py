"""How many different texts a column holds: HyperLogLog++ with the parameters Spark uses for 5 % error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endpointwatch.states.xxhash64 import hashes

PRECISION = 9
REGISTERS = 1 << PRECISION
LINEAR_COUNTING_LIMIT = 400  # of Heule et al. for precision 9
BIAS_LIMIT = 5 * REGISTERS
FIRST = 4 * REGISTERS
_LARGEST = 64 - PRECISION + 1
# By register: the largest word with so many leading zeros that it raises the register.
_ABOVE = np.array([(1 << (64 - rank)) - 1 for rank in range(_LARGEST + 1)], np.uint64)
_SCALE = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS * REGISTERS


def _no_registers() -> NDArray[np.uint8]:
    return np.zeros(REGISTERS, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """A sketch of the set of texts seen; ``a + b`` is the sketch of the union, exactly.

    Attributes:
        registers: Largest run of leading zeros plus one per bucket of hashes, shape ``(512,)``.

    References:
        Flajolet et al. (2007), "HyperLogLog"; Heule, Nunkesser & Hall (2013), "HyperLogLog in practice".
    """

    registers: NDArray[np.uint8] = field(default_factory=_no_registers)

    def __eq__(self, other: object) -> bool:
        return np.array_equal(self.registers, other.registers) if isinstance(other, Distinct) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    @classmethod
    def of(cls, texts: Sequence[str] | pa.Array) -> Distinct:
        """The sketch of ``texts``; repeated ones change nothing."""
        return cls().after(texts)

    def after(self, texts: Sequence[str] | pa.Array) -> Distinct:
        """The sketch of the texts seen before and of ``texts``."""
        hashed = hashes(texts)
        registers = self.registers.copy()
        for part in (hashed[:FIRST], hashed[FIRST:]):
            buckets = (part >> np.uint64(64 - PRECISION)).astype(np.intp)
            # A one below the rest bounds the run, as Spark does: a hash of zeros must not count for ever.
            rest = (part << np.uint64(PRECISION)) | np.uint64(1 << (PRECISION - 1))
            # Soon hardly any hash raises a register any more; only for those that do are the zeros counted.
            more = np.flatnonzero(rest <= _ABOVE[registers][buckets])
            np.maximum.at(registers, buckets[more], _leading_zeros(rest[more]) + np.uint8(1))
        return Distinct(registers)

    def __add__(self, other: Distinct) -> Distinct:
        return Distinct(np.maximum(self.registers, other.registers))

    @property
    def estimate(self) -> int:
        """The estimated number of different texts, a whole number at least 0.

        Linear counting up to about 400 and the raw estimate from 2,560 on, exactly as Spark. Between the two the raw
        estimate is too large, by up to a half: Spark subtracts a bias that was measured (a table of Heule et al.), here
        it is computed, so in that range the two can differ slightly.
        """
        empty = int(np.count_nonzero(self.registers == 0))
        if empty:
            linear = REGISTERS * math.log(REGISTERS / empty)
            if linear <= LINEAR_COUNTING_LIMIT:
                return round(linear)
        harmonic = float(np.ldexp(1.0, -self.registers.astype(np.int64)).sum())
        raw = _SCALE / harmonic
        return round(_unbiased(raw) if raw < BIAS_LIMIT else raw)


def _unbiased(raw: float) -> float:
    """The number of different texts whose expected raw estimate is ``raw``."""
    low, high = 0.0, raw
    while high - low > 0.01:  # noqa: PLR2004 (far below the rounding to whole numbers)
        middle = (low + high) / 2
        low, high = (middle, high) if _expected_raw(middle) < raw else (low, middle)
    return low


def _expected_raw(count: float) -> float:
    """The expected raw estimate for ``count`` different texts.

    With Poisson many texts per register, P(register <= k) = exp(-count / 512 / 2**k); the mean of the inverse of the
    registers' harmonic sum follows from the sum's mean and variance (delta method, error below 1e-4 for 512 registers).
    """
    ranks = np.arange(_LARGEST + 1)
    below = np.exp(-count / REGISTERS * np.ldexp(1.0, -ranks))
    below[-1] = 1.0
    chance = np.diff(below, prepend=0.0)
    first, second = float(chance @ np.ldexp(1.0, -ranks)), float(chance @ np.ldexp(1.0, -2 * ranks))
    mean, variance = REGISTERS * first, REGISTERS * (second - first * first)
    return _SCALE / mean * (1 + variance / (mean * mean))


def _leading_zeros(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    zeros = np.zeros(words.shape, np.uint8)
    rest = words.copy()
    for bits in (32, 16, 8, 4, 2, 1):
        short = rest < np.uint64(1 << (64 - bits))
        zeros[short] += np.uint8(bits)
        rest[short] <<= np.uint64(bits)
    return zeros
