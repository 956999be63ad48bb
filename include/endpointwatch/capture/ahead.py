"""Work done a little ahead of whoever takes it: two pieces at a time, handed on in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
WORKERS = 2


def ahead(make: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """``map(make, given)``, with as many results in the making as there are workers, and no more held in memory.

    Threads are enough: what is heavy in ``make`` is done by Polars, which lets others run meanwhile.
    """
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for piece in given:
            waiting.append(pool.submit(make, piece))
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
