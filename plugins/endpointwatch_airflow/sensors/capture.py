"""Wait until a window's captured data has settled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import capture_prefixes
from endpointwatch.config.window import Window
from endpointwatch_airflow.captured import capture_root, captured, newest_before
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.sensors.base import DeferrableSensor
from endpointwatch_airflow.triggers.capture import CaptureSettledTrigger, seconds_until_settled
from endpointwatch_airflow.windows import resolve_window


class CaptureSettledSensor(DeferrableSensor[StoreHook]):
    """Succeeds once the window has been over for ``capture.settle_seconds`` and no capture has arrived for as long.

    A window long past whose captures lie still succeeds at once, without being deferred.

    Args:
        endpoint: The endpoint; its ``capture`` and ``schedule`` sections say where, how long, and which window.
        kwargs: As :class:`DeferrableSensor` takes them.
    """

    aws_hook_class = StoreHook
    template_fields: Sequence[str] = aws_template_fields()

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        window = resolve_window(context, self.endpoint.schedule.cron)
        if self._remaining(window) > 0:
            self.wait_by(
                CaptureSettledTrigger(
                    destination=capture_root(self.endpoint),
                    hours=capture_prefixes(self.endpoint, window),
                    window_end=window.end.isoformat(),
                    settle_seconds=self.endpoint.capture.settle_seconds,
                    **self.aws,
                )
            )
        return None

    def poke(self, context: Context) -> bool:
        return self._remaining(resolve_window(context, self.endpoint.schedule.cron)) == 0

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:  # noqa: ARG002 - Airflow's signature
        self.log.info("The window's captures have settled: %s objects", event["objects"])

    def _remaining(self, window: Window) -> float:
        objects = captured(self.hook, self.endpoint, window)
        newest = newest_before(objects, window.end)
        remaining = seconds_until_settled(
            window.end, newest, settle_seconds=self.endpoint.capture.settle_seconds, now=datetime.now(UTC)
        )
        self.log.info("Window %s: %d objects, newest of %s, settled in %.0f s", window, len(objects), newest, remaining)
        return remaining
