"""Waiters that outlast AWS's being out of reach."""

from __future__ import annotations

import logging
from typing import Any, Final

from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.exceptions import HTTPClientError, WaiterError

log = logging.getLogger(__name__)

#: What boto3 raises when AWS has given no answer at all.
NO_ANSWER: Final = (HTTPClientError, NoConnectionError)


class PatientWaiter:
    """A boto3 waiter for which no answer is no end: the look counts, and the next one follows.

    What is waited for goes on whether or not it can be asked about. Without this a cut line of seconds fails the task
    that waits for an hour's job, and a second one fails its last retry.

    Args:
        waiter: A boto3 waiter, as the Amazon provider's loops call it: one look at a time.
    """

    def __init__(self, waiter: Any) -> None:
        self.name = waiter.name
        self._waiter = waiter

    def wait(self, **kwargs: Any) -> None:
        """Look once.

        Raises:
            WaiterError: It has not come to an end, or AWS cannot be reached.
        """
        try:
            self._waiter.wait(**kwargs)
        except NO_ANSWER as error:
            raise _no_answer(self.name, error) from error


class AsyncPatientWaiter(PatientWaiter):
    """The same in the triggerer."""

    async def wait(self, **kwargs: Any) -> None:  # type: ignore[override]
        """Look once.

        Raises:
            WaiterError: It has not come to an end, or AWS cannot be reached.
        """
        try:
            await self._waiter.wait(**kwargs)
        except NO_ANSWER as error:
            raise _no_answer(self.name, error) from error


def _no_answer(name: str, error: Exception) -> WaiterError:
    log.warning("AWS cannot be reached, looking again later: %s", error)
    return WaiterError(name=name, reason=f"no answer: {error}", last_response={})
