"""A program measured from outside, in a process of its own: nothing that another one loaded or cached helps it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.memory import Memory

ROOT = Path(__file__).resolve().parents[2]


class ChildError(Exception):
    """A measured program failed; the text holds the end of what it wrote."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one program.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of processor time, of its own children too.
        peak: Most bytes of memory that it and its children held at once, pages that they share counted for each.
        told: What it printed with :func:`harness.inside.tell`, ``seconds`` and ``cpu`` of the work alone among it.
    """

    wall: float
    cpu: float
    peak: int
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of the work alone, the program's start apart; of all where it does not say."""
        return float(self.told.get("seconds", self.wall))

    def document(self) -> dict[str, Any]:
        return {"wall": self.wall, "cpu": self.cpu, "peak_bytes": self.peak, **self.told}


def measure(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Measured:
    """Run ``command`` to its end.

    Args:
        command: The program and its arguments.
        environment: Variables beside the caller's.

    Raises:
        ChildError: It failed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        child = subprocess.Popen(
            list(command), stdout=output, stderr=errors, cwd=ROOT, env={**os.environ, **(environment or {})}
        )
        with Memory(child.pid) as memory:
            _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said = output.read().decode(errors="replace").strip().splitlines()
        if child.returncode:
            tail = "\n".join([*said, *errors.read().decode(errors="replace").splitlines()][-15:])
            raise ChildError(f"{' '.join(command)} ended with code {child.returncode}:\n{tail}")
    told = _told(said[-1]) if said else {}
    # A child begins as a copy of its parent, whose memory Linux counts in; the program itself knows better.
    alone = int(told.pop("peak_bytes", usage.ru_maxrss * 1024))
    return Measured(wall, usage.ru_utime + usage.ru_stime, max(alone, memory.peak), told)


def _told(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
