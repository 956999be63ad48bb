"""Copies of requests for shadow variants: captured and counted like any other, answered to nobody.

References:
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketaws.hosting.fleet import Fleet

# What captures of shadow traffic say in `eventMetadata.invocationSource`.
SOURCE = "ShadowExperiment"
WORKERS = 8
# A shadow that is slower than the traffic loses requests; the traffic must not wait for it.
MOST_WAITING = 64


class Shadows:
    """Sends the copies, besides the requests they are copies of."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="shadow")
        self._places = threading.BoundedSemaphore(WORKERS + MOST_WAITING)
        self._told = False

    def send(self, fleet: Fleet, copy: Callable[[], None]) -> None:
        """Run ``copy`` soon; the fleet counts it as a request under way until it has ended."""
        if not self._places.acquire(blocking=False):
            if not self._told:
                self._told = True
                print(
                    f"pocketaws: the shadow variant of {fleet.endpoint} is too slow: copies are left out",
                    file=sys.stderr,
                )
            return
        fleet.enter()

        def run() -> None:
            try:
                copy()
            except Exception as error:  # noqa: BLE001 - nobody waits for it
                print(
                    f"pocketaws: a copy for the shadow variant of {fleet.endpoint} failed: {error!r}", file=sys.stderr
                )
            finally:
                fleet.leave()
                self._places.release()

        try:
            self._pool.submit(run)
        except RuntimeError:  # the local AWS is closing
            fleet.leave()
            self._places.release()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=False)
