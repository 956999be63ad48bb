from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.states import Kll


def one_by_one(values: list[float], k: int, c: float) -> list[list[float]]:
    """Deequ's sketch as its rules read, a value at a time: the oracle for the one that takes whole arrays."""
    levels: list[list[float]] = [[]]
    counts = [0]

    def capacity(height: int) -> int:
        return 2 * (math.ceil(k * c**height / 2) + 1)

    for value in values:
        levels[0].append(value)
        if sum(map(len, levels)) <= sum(capacity(height) for height in range(len(levels))):
            continue
        height = next(h for h, level in enumerate(levels) if len(level) >= capacity(h))
        if height + 1 == len(levels):
            levels.append([])
            counts.append(0)
        counts[height] += 1
        offset = [0, 1, 1, 0][(counts[height] - 1) % 4]
        even = len(levels[height]) // 2 * 2
        kept = sorted(levels[height][:even])[offset::2]
        levels[height] = levels[height][even:]
        levels[height + 1] += kept
    return levels


@given(st.integers(2, 40), st.integers(0, 2**32 - 1), st.integers(0, 3000), st.lists(st.integers(0, 3000), max_size=5))
def test_whole_arrays_give_the_sketch_of_one_value_at_a_time(k, seed, size, cuts):
    values = np.random.default_rng(seed).integers(0, 500, size).astype(float)
    sketch = Kll(k=k)
    for part in np.split(values, sorted(min(cut, size) for cut in cuts)):
        sketch = sketch.extend(part)
    assert [level.tolist() for level in sketch.levels] == one_by_one(values.tolist(), k, 0.64)


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_no_row_is_lost_however_sketches_are_summed(sizes, seed):
    rng = np.random.default_rng(seed)
    parts = [Kll().extend(rng.normal(size=size)) for size in sizes]
    total = sum(parts, Kll())
    assert total.weight == sum(sizes)


@pytest.mark.parametrize("parts", [1, 8])
def test_ranks_stay_within_two_percent(parts):
    values = np.random.default_rng(3).normal(size=400_000)
    sketch = sum((Kll().extend(part) for part in np.array_split(values, parts)), Kll())
    stored, weights = sketch.weighted()
    ours = np.cumsum(weights) / weights.sum()
    true = np.searchsorted(np.sort(values), stored, side="right") / values.size
    assert np.abs(ours - true).max() < 0.02


def test_up_to_2050_values_the_sketch_is_every_value_in_file_order():
    values = np.random.default_rng(5).normal(size=2050)
    sketch = Kll().extend(values)
    assert len(sketch.levels) == 1
    assert np.array_equal(sketch.levels[0], values)
