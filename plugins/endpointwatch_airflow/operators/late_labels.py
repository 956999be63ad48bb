"""Find the windows to judge again because labels came, or because none are waited for any longer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.open_windows import document, due, open_windows
from endpointwatch_airflow.operators.base import EndpointWatchOperator

#: Airflow maps at most 1024 tasks unless told otherwise; what is left over is due the next time.
AT_MOST: Final = 500


class FindLateLabelsOperator(EndpointWatchOperator):
    """The windows whose verdicts wait for labels and for which other labels are there now, or whose time is up.

    Writes down all windows that wait (``labels/open.json``). Nothing is judged here.

    Args:
        endpoint: The endpoint; it has a ``ground_truth`` section.
        clock: The time that the age of windows is measured against.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        The windows, as JSON has them, the oldest first.
    """

    template_fields: Sequence[str] = aws_template_fields()
    operator_extra_links = (ResultsLink(),)

    def __init__(
        self, *, endpoint: Endpoint, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.clock = clock

    def execute(self, context: Context) -> list[dict[str, Any]]:
        limits = self.endpoint.ground_truth
        if limits is None:
            raise NotRetriedError(
                f"Endpoint {self.endpoint.name!r} has no `ground_truth` section: nothing to look for."
            )
        uri, now = Layout.of(self.endpoint).open_windows(), self.clock()
        persist_results(self, context, self.hook, uri.rpartition("/")[0])
        waiting = open_windows(self.store, self.endpoint, limits, now)
        again = due(self.store, limits, waiting, now)
        self.store.write(uri, document(waiting))
        self.log.info("%d windows wait for labels, %d of them are judged again", len(waiting), len(again))
        for window in again[:AT_MOST]:
            self.log.info("  %s", window)
        if len(again) > AT_MOST:
            self.log.warning("%d more are left to the next run", len(again) - AT_MOST)
        return [window.model_dump(mode="json") for window in again[:AT_MOST]]
