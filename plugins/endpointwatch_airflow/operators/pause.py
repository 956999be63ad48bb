"""Hold an endpoint's monitoring for a while."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context
from pydantic import BaseModel, ConfigDict

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.windows import resolve_window


class Pause(BaseModel):
    """A span of time whose windows are not judged on schedule (``remediations/monitoring_pause.json``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: datetime
    until: datetime
    reason: str = ""

    def joined(self, earlier: Pause | None) -> Pause:
        """Both spans as one where they meet; a pause is never shortened."""
        if earlier is None or earlier.until < self.since:
            return self
        return Pause(since=min(self.since, earlier.since), until=max(self.until, earlier.until), reason=self.reason)


class PauseMonitoringOperator(EndpointWatchOperator):
    """Leave a mark that the endpoint's windows are not to be judged on schedule for a while.

    Args:
        endpoint: The endpoint.
        since: ISO time (templated).
        until: ISO time (templated).
        reason: In words (templated).
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        The mark's S3 URI.
    """

    template_fields: Sequence[str] = aws_template_fields("since", "until", "reason")
    operator_extra_links = (ResultsLink(),)

    def __init__(self, *, endpoint: Endpoint, since: str, until: str, reason: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.since = since
        self.until = until
        self.reason = reason

    def execute(self, context: Context) -> str:
        layout = Layout.of(self.endpoint)
        persist_results(self, context, self.hook, layout.remediations())
        uri = layout.monitoring_pause()
        asked = Pause.model_validate({"since": self.since, "until": self.until, "reason": self.reason})
        pause = asked.joined(read_pause(self.store.read(uri)))
        self.store.write(uri, pause.model_dump_json(indent=2) + "\n")
        self.log.warning("Windows that end from %s to %s are not judged; backfill them", pause.since, pause.until)
        return uri


class UnlessPausedOperator(EndpointWatchOperator, BranchMixIn):
    """Skip all that follows for a scheduled window that ends within a pause.

    Backfills and runs by hand are let through: that is how such windows are judged later.

    Args:
        endpoint: The endpoint.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, endpoint: Endpoint, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint

    def execute(self, context: Context) -> None:
        pause = read_pause(self.store.read(Layout.of(self.endpoint).monitoring_pause()))
        window = resolve_window(context, self.endpoint.schedule.cron)
        scheduled = str(context["dag_run"].run_type) == "scheduled"
        if pause is None or not scheduled or not pause.since <= window.end < pause.until:
            return
        self.log.warning("%s is not judged: paused until %s. %s", window, pause.until, pause.reason)
        self.skip(ti=context["ti"], tasks=list(context["task"].get_flat_relatives(upstream=False)))


def read_pause(text: str | None) -> Pause | None:
    """What the mark says; None when there is none. Past pauses stay on it until the next."""
    return None if text is None else Pause.model_validate(json.loads(text))
