"""How many different texts a column holds: HyperLogLog++ with the parameters Spark uses for 5 % error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endpointwatch.states.hyperloglog_bias import bias
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

        As Spark: linear counting up to about 400, the raw estimate from 2,560 on. Between the two the raw estimate is
        too large, by up to a half, and its measured bias is subtracted.
        """
        empty = int(np.count_nonzero(self.registers == 0))
        if empty:
            linear = REGISTERS * math.log(REGISTERS / empty)
            if linear <= LINEAR_COUNTING_LIMIT:
                return _rounded(linear)
        harmonic = float(np.ldexp(1.0, -self.registers.astype(np.int64)).sum())
        raw = _SCALE / harmonic
        return _rounded(raw - bias(raw) if raw < BIAS_LIMIT else raw)


def _rounded(estimate: float) -> int:
    """The nearest whole number, of two the larger, as the JVM rounds."""
    return math.floor(estimate + 0.5)


def _leading_zeros(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    # A double's exponent is the place of its highest bit; without the next ones below it no word is rounded up.
    _, bits = np.frexp((words & ~(words >> np.uint64(1))).astype(np.float64))
    return (64 - bits).astype(np.uint8)
