"""Snapshots of the base emulator's state while it runs, so that a killed process loses seconds and not everything.

The base writes its services' state (all but S3's objects, which are files anyway) only when it is shut down cleanly.
Here the same functions of it are called every few seconds, and a service whose state has changed is written in the
base's own format. They are private there; ``tests/pocketaws/test_restart.py`` fails when a new version moves them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAX_SHARE = 0.05
ATTEMPTS = 3


class Snapshots:
    """Saves what has changed, every ``seconds``.

    A snapshot is taken in a thread of its own, so that no request waits for it. Should one take long (much state), the
    pause before the next grows, so that snapshots cost at most a twentieth of the time.

    Args:
        seconds: The shortest time between two snapshots.
        folder: Where the base looks for its state when it starts.
    """

    def __init__(self, seconds: float, folder: Path) -> None:
        self._seconds = seconds
        self._folder = folder
        self._saved: dict[str, bytes] = {}
        self._saving = threading.Lock()

    async def run(self, stopping: asyncio.Event) -> None:
        """Save until told to stop; returns when no snapshot is being written any more."""
        pause = self._seconds
        while not stopping.is_set():
            try:
                await asyncio.wait_for(stopping.wait(), pause)
            except TimeoutError:
                pause = max(self._seconds, await asyncio.to_thread(self.save) / MAX_SHARE)

    def save(self) -> float:
        """Save what has changed since the last time; from any thread.

        Returns:
            Seconds it took.
        """
        from ministack import app  # noqa: PLC0415 - reads its settings from the environment when imported

        began = time.perf_counter()
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._saving:
            # The mapping that the base's own shutdown saves.
            for service, state_of in app._build_persistence_save_dict().items():  # noqa: SLF001 - see the docstring
                try:
                    self._save(service, state_of)
                except Exception as error:  # noqa: BLE001 - the next snapshot may succeed; the clean shutdown saves too
                    print(f"pocketaws: no snapshot of {service}: {error!r}", file=sys.stderr)
        return time.perf_counter() - began

    def _save(self, service: str, state_of: Callable[[], Any]) -> None:
        text = _text(service, state_of)
        digest = hashlib.blake2b(text, digest_size=16).digest()
        if text and self._saved.get(service) != digest:
            # Renamed into place: whoever is killed while writing leaves the last whole snapshot.
            partial = self._folder / f"{service}.json.snapshot"
            partial.write_bytes(text)
            partial.replace(self._folder / f"{service}.json")
            self._saved[service] = digest


def _text(service: str, state_of: Callable[[], Any]) -> bytes:
    """A service's state as the base would write it; empty when it has none."""
    from ministack.core import persistence  # noqa: PLC0415

    for attempt in range(ATTEMPTS):
        try:
            state = state_of()
            if state is None:
                return b""
            version = persistence._state_format_version(service)  # noqa: SLF001
            content = {"__ministack_format__": version, "payload": state}
            return json.dumps(content, default=persistence._json_default).encode()  # noqa: SLF001
        except RuntimeError:  # a dictionary grew while it was being copied
            if attempt == ATTEMPTS - 1:
                raise
    return b""
