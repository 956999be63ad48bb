"""How many cores this process may use: not those of the machine, where a container is given fewer."""

from __future__ import annotations

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = _QUOTA) -> int:
    """Cores that the scheduler and the control group allow, at least one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        # "max 100000" without a limit; else microseconds of processor time in so many of the clock.
        time, period = quota.read_text(encoding="ascii").split()
        return max(1, min(allowed, math.ceil(int(time) / int(period))))
    except (OSError, ValueError):
        return allowed
