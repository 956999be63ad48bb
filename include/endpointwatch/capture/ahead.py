"""Reading goes on in another thread while what was read is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
DEPTH = 4


def ahead(items: Iterator[T], depth: int = DEPTH) -> Iterator[T]:
    """The same items in their order; up to ``depth`` of them are made before they are asked for.

    What making them raises is raised where they are asked for. It must not change anything that others see meanwhile.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:

        def step() -> list[T]:
            # As a list, since no item is one that could stand for the end.
            return list(islice(items, 1))

        waiting: deque[Future[list[T]]] = deque(pool.submit(step) for _ in range(depth))
        while found := waiting.popleft().result():
            waiting.append(pool.submit(step))
            yield found[0]
