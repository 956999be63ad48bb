"""Wait until enough of a window's labels are there, or for long enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch_airflow.captured import manifest_hash
from endpointwatch_airflow.coverage import label_coverage
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.labelled import labels_since, limits_of
from endpointwatch_airflow.sensors.base import DeferrableSensor
from endpointwatch_airflow.triggers.labels import LabelsChangedTrigger
from endpointwatch_airflow.windows import resolve_window


class LabelsArrivedSensor(DeferrableSensor[StoreHook]):
    """Succeeds once a share of the window's captures has a label, or so many hours after the window's end.

    The share is the one that the verdict will give: captures and labels are brought to the worker's disk and merged
    there. That is done when label objects have changed, not at every look; while nothing changes, the triggerer only
    lists them. For windows that are too large for a worker's disk, judge at once and let the labels DAG judge again.

    Args:
        endpoint: The endpoint; it has a ``ground_truth`` section.
        coverage: The share of captures that must have a label.
        hours: The patience, from the window's end.
        clock: The time that the patience is measured against.
        kwargs: As :class:`DeferrableSensor` takes them;
            ``poke_interval`` is the time between two looks.
    """

    aws_hook_class = StoreHook
    template_fields: Sequence[str] = aws_template_fields()

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        coverage: float,
        hours: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.coverage = coverage
        self.hours = hours
        self.clock = clock

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            return super().execute(context)
        window = resolve_window(context, self.endpoint.schedule.cron)
        limits = limits_of(self.endpoint)
        # Before the labels are counted: what comes in between is a change, and is counted again.
        seen = manifest_hash(labels_since(self.hook, limits.uri, (window,)))
        if not self._enough(window):
            self.wait_by(
                LabelsChangedTrigger(
                    root=limits.uri,
                    window=window.model_dump(mode="json"),
                    seen=seen,
                    deadline=self._deadline(window).isoformat(),
                    pause_seconds=float(self.poke_interval),
                    **self.aws,
                )
            )
        return None

    def poke(self, context: Context) -> bool:
        return self._enough(resolve_window(context, self.endpoint.schedule.cron))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        self.log.info("Labels: %s", event["status"])
        return self.execute(context)

    def _deadline(self, window: Window) -> datetime:
        return window.end + timedelta(hours=self.hours)

    def _enough(self, window: Window) -> bool:
        if self.clock() >= self._deadline(window):
            self.log.info("%s ended more than %d h ago: labels are waited for no longer", window, self.hours)
            return True
        share = label_coverage(self.hook, self.endpoint, window)
        if share is None:
            self.log.info("Nothing was captured in %s, so there is nothing to wait for", window)
            return True
        self.log.info("%.1f %% of the captures of %s have a label", 100 * share, window)
        return share >= self.coverage
