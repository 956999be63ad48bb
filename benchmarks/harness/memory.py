"""What a program and all processes that it starts hold together, looked at while it runs (Linux; elsewhere nothing)."""

from __future__ import annotations

import contextlib
import os
import threading
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

INTERVAL = 0.03
LOOKS = 5
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Memory:
    """Watches a process from its start: ``with Memory(pid) as memory: …``, then ``memory.peak``.

    Attributes:
        peak: The largest sum of resident memory over the process and its descendants at one moment, in bytes. Pages
            that they share, as those of libraries, count for each of them, so it is more than is really held.
    """

    peak = 0

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        family = [self._pid]
        for look in count():
            if self._ended.wait(INTERVAL):
                return
            # Who belongs to it is looked up more seldom: that reads a file of every thread.
            family = _family(self._pid) if look % LOOKS == 0 else family
            self.peak = max(self.peak, sum(map(_resident, family)))


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for one in found:
        for thread in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # it has just ended
                found += map(int, thread.read_text(encoding="ascii").split())
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
