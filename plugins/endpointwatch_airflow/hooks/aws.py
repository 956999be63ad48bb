"""What the project's hooks have in common."""

from __future__ import annotations

import sys
from types import FrameType

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook


class AwsHook(AwsBaseHook):
    """A hook whose clients are cheap to make.

    The base tells AWS in the user agent which operator calls, and reads the source of every function on the stack to
    find its name: a quarter of a short task's CPU time. Here the frames alone are looked at.
    """

    def _get_caller(self, target_function_name: str = "execute") -> str:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the frames without their source; `inspect` reads it for each
        while frame is not None and frame.f_code.co_name != target_function_name:
            frame = frame.f_back
        return type(frame.f_locals["self"]).__name__ if frame and "self" in frame.f_locals else "Unknown"
