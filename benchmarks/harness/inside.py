"""What a measured program says about itself. Standard library only: peers' environments hold nothing of ours."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self


class Work:
    """Times a block: ``with Work() as work: …``, then ``tell(work)``. Imports and start-up stay outside.

    The processor time of processes that the block starts and ends counts too, their own imports and start-up included.
    """

    seconds = 0.0
    cpu = 0.0

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), _processor_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu = _processor_time() - self._cpu


def _processor_time() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def tell(work: Work, **more: object) -> None:
    """Hand figures to whoever measures: one line of JSON, the last on standard output."""
    sys.stdout.flush()
    figures = {"seconds": work.seconds, "work_cpu": work.cpu, "peak_bytes": peak(), **more}
    print(json.dumps(figures))


def peak() -> int:
    """Most bytes of memory this process has held at once."""
    try:
        # On Linux ru_maxrss begins with the size of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
