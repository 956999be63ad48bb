"""See by a real record that a new deployment's requests are captured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import Context

from endpointwatch.capture.marks import OWN_TRAFFIC
from endpointwatch.capture.proof import Asked, asked
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.captured import CAPTURED, capture_root
from endpointwatch_airflow.deployments import read
from endpointwatch_airflow.errors import EndpointError
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.runtime import RuntimeHook
from endpointwatch_airflow.operators.base import EndpointWatchOperator

#: So far back is a request looked for that can be sent again.
LOOK_BACK = timedelta(hours=24)


class VerifyCaptureOperator(EndpointWatchOperator):
    """Wait for a captured record that is newer than the deployment.

    Where traffic has left none yet, the newest captured request is sent once more, marked as our own, so that no
    analysis counts it. Where nothing has been captured yet, as of a first version, there is no request to send: that is
    said, and the task succeeds without waiting for callers.

    Args:
        endpoint: The endpoint.
        deployment_uri: Its deployment record (templated).
        clock: The time, with a time zone.
        kwargs: As :class:`EndpointWatchOperator` takes them; ``waiter_delay`` and ``waiter_max_attempts`` are the
            patience, as delivery lags by minutes on AWS.

    Returns:
        The S3 URI of the captured object; empty when there was nothing to verify by.
    """

    template_fields: Sequence[str] = aws_template_fields("deployment_uri")

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        deployment_uri: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.deployment_uri = deployment_uri
        self.clock = clock

    @cached_property
    def runtime(self) -> RuntimeHook:
        return RuntimeHook(**self._hook_parameters)

    def execute(self, context: Context) -> str:
        return self.look(context, attempt=0)

    def look(self, context: Context, event: Any = None, attempt: int = 0) -> str:  # noqa: ARG002 - Airflow's signature
        """Look for the proof; ask and wait where there is none."""
        since = read(self.store, self.deployment_uri).in_service_from
        while True:
            for item, request in self._captured(since):
                if request.at >= since:
                    self.log.info("Capture works: %s holds a request of %s", item.uri, request.at)
                    return item.uri
            if attempt >= self.waiter_max_attempts:
                raise EndpointError(
                    f"No request to {self.endpoint.name!r} after {since} has been captured in "
                    f"{attempt * self.waiter_delay} s. Look at the endpoint's log: its role must be allowed to write "
                    f"to {self.endpoint.capture.destination_uri}, and below 75 % of its disk may be in use."
                )
            if not self._ask(since, attempt):
                return ""
            attempt += 1
            if self.deferrable:
                self.defer(
                    trigger=TimeDeltaTrigger(timedelta(seconds=self.waiter_delay)),
                    method_name="look",
                    kwargs={"attempt": attempt},
                )
            time.sleep(self.waiter_delay)

    def _ask(self, since: datetime, attempt: int) -> bool:
        """Send the newest captured request again; False when there is none, or nothing of it would be captured."""
        if self.endpoint.capture.sampling_percentage == 0:
            self.log.warning("`capture.sampling_percentage` is 0: nothing is ever captured, so nothing is verified.")
            return False
        # Of a sample one request may be left out; the next look asks again. A full capture is only slow to arrive.
        if attempt and self.endpoint.capture.sampling_percentage == 100:  # noqa: PLR2004 - percent
            return True
        newest = max(
            (
                request
                for _, request in self._captured(since - LOOK_BACK)
                if request.body is not None and not request.own
            ),
            key=lambda request: request.at,
            default=None,
        )
        if newest is None or newest.body is None:
            self.log.warning(
                "Of endpoint %s no request was captured within %s before its deployment, and none so far since: there "
                "is none to send again, so its capture stays unverified.",
                self.endpoint.name,
                LOOK_BACK,
            )
            return False
        variant = self.runtime.invoke(
            self.endpoint.name,
            newest.body,
            content_type=newest.content_type,
            inference_id=f"{OWN_TRAFFIC}capture-{attempt}-{self.clock():%Y%m%d%H%M%S}",
        )
        self.log.info("No traffic since %s: variant %s was asked by a request of our own", since, variant)
        return True

    def _captured(self, since: datetime) -> Iterator[tuple[StoredObject, Asked]]:
        """Requests of the serving variant in the hours from ``since`` on, those of the newest hour first."""
        root, now = f"{capture_root(self.endpoint)}/{self.endpoint.hosting.variant_name}", self.clock()
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        while hour + timedelta(hours=1) > since:
            objects = [
                item for item in self.store.objects(f"{root}/{hour:%Y/%m/%d/%H}/") if item.key.endswith(CAPTURED)
            ]
            # A file is some thousand requests; the last one of the hour is enough of a proof, and of a pattern.
            if objects:
                newest = max(objects, key=lambda item: item.key)
                for request in asked(self.store.read(newest.uri) or ""):
                    yield newest, request
                if since < hour:
                    return
            hour -= timedelta(hours=1)
