"""Deequ's quantile sketch: QuantileNonSample.scala, NonSampleCompactor.scala and KLLSketch.scala, line by line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

K, C, BUCKETS = 2048, 0.64, 10
Levels = list[list[float]]


def capacity(height: int) -> int:
    return 2 * (math.ceil(K * C**height / 2) + 1)


def sketch(numbers: Iterable[float]) -> Levels:
    """The levels after all ``numbers``, in their order; an item of level h weighs 2**h."""
    levels: Levels = [[]]
    compressed, offsets = [0], [0]
    for number in numbers:
        levels[0].append(number)
        if sum(map(len, levels)) <= sum(map(capacity, range(len(levels)))):
            continue
        height = next(place for place, level in enumerate(levels) if len(level) >= capacity(place))
        if height + 1 == len(levels):
            levels.append([])
            compressed.append(0)
            offsets.append(0)
        if compressed[height] % 2:
            offsets[height] = 1 - offsets[height]
        compressed[height] += 1
        even = len(levels[height]) // 2 * 2
        levels[height + 1] += sorted(levels[height][:even])[offsets[height] :: 2]
        levels[height] = levels[height][even:]
    return levels


def weighted(levels: Levels) -> list[tuple[float, int]]:
    return [(value, 2**height) for height, level in enumerate(levels) for value in level]


def buckets(levels: Levels, low: float, high: float) -> list[dict[str, Any]]:
    """Edges and counts of the report; KLLRunner.scala looks for the range from Java's largest and smallest int on."""
    low, high = min(low, 2.0**31 - 1), max(high, -(2.0**31))
    edges = [low + (high - low) * place / float(BUCKETS) for place in range(BUCKETS + 1)]
    items = weighted(levels)
    below = [sum(weight for value, weight in items if value < edge) for edge in edges]
    below[-1] = sum(weight for value, weight in items if value <= edges[-1])
    return [
        {"lower_bound": edges[i], "upper_bound": edges[i + 1], "count": float(below[i + 1] - below[i])}
        for i in range(BUCKETS)
    ]


def ranks(levels: Levels) -> list[tuple[float, int]]:
    """Each value with the weight up to it; of equal values only the one of the highest level counts."""
    heaviest = dict(weighted(levels))
    running, found = 0, []
    for value in sorted(heaviest):
        running += heaviest[value]
        found.append((value, running))
    return found


def rank(running: Sequence[tuple[float, int]], value: float) -> int:
    return max((weight for item, weight in running if item <= value), default=0)
