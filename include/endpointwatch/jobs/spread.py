"""Work shared between this process and helpers beside it; its results come in order, as if one had done all of it.

Threads do not help here: the work is many short calls of NumPy and Polars, and what lies between them holds Python's
lock. A helper is a fresh interpreter that imports what the work needs and no more. (``multiprocessing`` would import
the program that was started, too, and a fork would copy the locks of Polars' threads in whatever state they are.)
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from operator import length_hint
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from endpointwatch.capture.ahead import ahead
from endpointwatch.jobs.memory import keep_freed_memory

T = TypeVar("T")
R = TypeVar("R")
#: Items that a helper holds: one it works on, the others so that it need not wait for this process.
GIVEN = 3
#: Results kept here at most, while a helper is at work on an earlier item.
KEPT = 8
_UNKNOWN = 1_000_000  # of items that are made one by one nobody knows how many there will be
_PIPE = 1024 * 1024
_PROGRAM = "from endpointwatch.jobs.spread import help_along; help_along()"
# One thread each, since there are as many processes as cores.
_ALONE = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class HelperError(Exception):
    """A helper ended before its work was done, as when the system ends a process for want of memory.

    None of :mod:`endpointwatch.errors`: the same job may succeed when it is tried again.
    """


def spread(work: Callable[[T], R], items: Iterable[T], helpers: int, given: int = GIVEN) -> Iterator[R]:
    """``work`` of each of ``items``, in their order.

    Args:
        work: Something that can be pickled; so can the items, the results, and the errors it raises.
        items: What to work on.
        helpers: Processes beside this one; with 0 it does all by itself.
        given: Items that a helper holds; of large items less, since at the end the others wait for it.

    Raises:
        HelperError: A helper was ended from outside.
    """
    with Crew(helpers, given) as crew:
        yield from crew.each(work, items)


class Crew:
    """Helpers that stay for several kinds of work, since starting them takes its time; a context manager.

    Args:
        helpers: How many, as :func:`spread` takes them.
        given: Items that each holds.
    """

    def __init__(self, helpers: int, given: int = GIVEN) -> None:
        self._given = given
        self._helpers: list[_Helper] = [_Helper() for _ in range(helpers)]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for helper in self._helpers:
                stack.enter_context(helper)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """As :func:`spread`; one kind of work is done before the next begins."""
        if not self._helpers:
            yield from map(work, items)
            return
        for helper in self._helpers:
            helper.begin(work)
        yield from _shared(work, iter(items), self._helpers, self._given)


@dataclass(frozen=True, slots=True)
class _Begin:
    work: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Done(Generic[R]):
    result: R


def _shared(work: Callable[[T], R], items: Iterator[T], helpers: list[_Helper], given: int) -> Iterator[R]:
    waiting: deque[_Helper | _Done[R]] = deque()  # in the items' order: the result, or who works on it
    left = True
    while True:
        for helper in helpers:
            while left and helper.given < min(given, _share(items, helpers)) and (left := _give(items, helper)):
                waiting.append(helper)
        if not waiting:
            return
        first = waiting[0]
        if isinstance(first, _Done):
            waiting.popleft()
            yield first.result
        elif not left or len(waiting) > KEPT or first.ready():
            waiting.popleft()
            yield first.take()
        else:
            mine = [_Done(work(item)) for item in islice(items, 1)]
            waiting += mine
            left = bool(mine)


def _share(items: Iterator[T], helpers: list[_Helper]) -> int:
    """Items that a helper may hold: towards the end fewer, so that nobody waits for one that has several left."""
    return -(-length_hint(items, _UNKNOWN) // len(helpers))


def _give(items: Iterator[T], helper: _Helper) -> bool:
    for item in islice(items, 1):
        helper.give(item)
        return True
    return False


class _Helper:
    """Another process, which works on what it is given, one item after the other."""

    def __init__(self) -> None:
        self.given = 0

    def __enter__(self) -> Self:
        environment = {**os.environ, **_ALONE, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise TypeError("the helper has no pipes")
        self._to = Connection(os.dup(to.fileno()), readable=False)
        self._back = Connection(os.dup(back.fileno()), writable=False)
        to.close()
        back.close()
        with contextlib.suppress(OSError, AttributeError):  # a matter of speed, and of Linux
            fcntl.fcntl(self._back.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._to.close()
        self._back.close()
        # All that was asked for is here, or nobody asks for it any more.
        self._process.kill()
        self._process.wait()

    def begin(self, work: Callable[[Any], Any]) -> None:
        """Do ``work`` on the items to come."""
        self._send(_Begin(work))

    def give(self, item: object) -> None:
        self._send(item)
        self.given += 1

    def ready(self) -> bool:
        """Whether :meth:`take` need not wait."""
        return self._back.poll()

    def take(self) -> Any:
        """The result of the first of the items that were given and not taken yet."""
        try:
            failed, result = pickle.loads(self._back.recv_bytes())  # noqa: S301 (from a process of our own)
        except (EOFError, OSError):
            raise self._ended() from None
        self.given -= 1
        if failed:
            raise result
        return result

    def _send(self, thing: object) -> None:
        try:
            self._to.send_bytes(pickle.dumps(thing))
        except OSError:
            raise self._ended() from None

    def _ended(self) -> HelperError:
        code = self._process.wait()
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return HelperError(
            f"A process that helped with this job was ended {how}. If that was for want of memory, give the job more; "
            "on a machine with one core no such process is started."
        )


def help_along() -> None:
    """What a helper does: take work and items one after the other, until who started it ends or says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the process that started this one
    to, back = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # whatever a library prints is no result
    # The thread that sends must not wait long for the one that works.
    sys.setswitchinterval(0.0005)
    keep_freed_memory()
    # What the work needs is imported with it and stays: looking for garbage in it would find none.
    gc.disable()
    with contextlib.suppress(EOFError, OSError):
        for answer in ahead(_answers(to), GIVEN):
            back.send_bytes(answer)


def _answers(items: Connection) -> Iterator[bytes]:
    begun: _Begin | None = None
    while True:
        item = pickle.loads(items.recv_bytes())  # noqa: S301 (from the process that started this one)
        if isinstance(item, _Begin):
            begun = item
            gc.freeze()
            gc.enable()
            continue
        try:
            answer = (False, begun.work(item) if begun else None)
        except Exception as error:  # noqa: BLE001 (raised again where the result is asked for)
            error.add_note(f"In a process that helped:\n{traceback.format_exc()}")
            answer = (True, error)
        yield pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
