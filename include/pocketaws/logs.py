"""Lines on their way to CloudWatch Logs: one thread gathers them and puts them there in batches."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pocketaws.world import World

GATHER_SECONDS = 0.2
# PutLogEvents takes 10,000 events and 1 MiB a call; 256 KiB an event.
MAX_EVENTS = 1000
MAX_MESSAGE = 200_000
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Line:
    group: str
    stream: str
    at_ms: int
    message: str


class LogShipper:
    """The way of every line of output to CloudWatch Logs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._queue: queue.SimpleQueue[_Line | threading.Event | None] = queue.SimpleQueue()
        self._streams: set[tuple[str, str]] = set()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def write(self, group: str, stream: str, message: str) -> None:
        """Put one line into a stream; group and stream are made when absent. Returns at once."""
        self._queue.put(_Line(group, stream, int(time.time() * 1000), message[:MAX_MESSAGE]))

    def open(self, group: str, stream: str) -> None:
        """Make group and stream now, so that they are there before the first line."""
        if (group, stream) in self._streams:
            return
        logs = self._world.aws("logs")
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        self._streams.add((group, stream))

    def mark(self) -> threading.Event:
        """An event that is set once everything written so far is in CloudWatch Logs."""
        event = threading.Event()
        self._queue.put(event)
        return event

    def close(self) -> None:
        """Put what is left, and end."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while True:
            gathered = [self._queue.get()]
            time.sleep(GATHER_SECONDS)
            while not self._queue.empty():
                gathered.append(self._queue.get())
            streams: dict[tuple[str, str], list[_Line]] = {}
            for item in gathered:
                if isinstance(item, _Line):
                    streams.setdefault((item.group, item.stream), []).append(item)
            for (group, stream), lines in streams.items():
                self._put(group, stream, lines)
            for item in gathered:
                if isinstance(item, threading.Event):
                    item.set()
            if None in gathered:
                return

    def _put(self, group: str, stream: str, lines: list[_Line]) -> None:
        try:
            self.open(group, stream)
            for batch in _batches(lines):
                self._world.aws("logs").put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
        except Exception as error:  # noqa: BLE001 - a lost line must not end the thread that carries all others
            self._streams.discard((group, stream))
            print(f"pocketaws: {len(lines)} lines of {group}/{stream} were lost: {error}", file=sys.stderr)


def _batches(lines: list[_Line]) -> list[list[dict[str, Any]]]:
    batches: list[list[dict[str, Any]]] = [[]]
    size = 0
    for line in lines:
        length = len(line.message.encode()) + 26
        if len(batches[-1]) == MAX_EVENTS or size + length > MAX_BYTES:
            batches.append([])
            size = 0
        batches[-1].append({"timestamp": line.at_ms, "message": line.message})
        size += length
    return batches
