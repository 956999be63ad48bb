"""Switch data capture of an endpoint on, as its YAML file declares it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.config.endpoint import Capture
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.answers import CaptureSettings, LiveEndpoint
from endpointwatch_airflow.links.sagemaker import EndpointLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.triggers.endpoint import EndpointSettledTrigger


class EndpointDataCaptureOperator(EndpointWatchOperator):
    """Make an endpoint's data capture what the YAML declares, and see that it has started.

    When the live configuration says so already, nothing is touched. Otherwise a new configuration, equal in everything
    else, is created and the endpoint moved to it; instances and weights stay. Its name carries a hash of its content,
    so a retry goes on with the same one.

    Args:
        endpoint_name: The endpoint; must exist.
        capture: What its capture should be.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        ``endpoint_config``: the live configuration's name; ``changed``: whether it is a new one; ``in_service_since``:
        since when (ISO) the endpoint had stood as it was found, so since when its model has served.
    """

    template_fields: Sequence[str] = aws_template_fields("endpoint_name")
    operator_extra_links = (EndpointLink(),)

    def __init__(self, *, endpoint_name: str, capture: Capture, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.capture = capture

    def execute(self, context: Context) -> dict[str, Any]:
        self.persist_link(context, EndpointLink, endpoint_name=self.endpoint_name)
        return self._ensure(wanted=None, since=None)

    def execute_complete(
        self,
        context: Context,  # noqa: ARG002 - Airflow's signature
        event: dict[str, Any] | None = None,  # noqa: ARG002 - where the endpoint stands is asked again
        wanted: str | None = None,
        since: str | None = None,
    ) -> dict[str, Any]:
        return self._ensure(wanted=wanted, since=since)

    def _ensure(self, *, wanted: str | None, since: str | None) -> dict[str, Any]:
        """Go on from wherever the endpoint stands.

        Args:
            wanted: The configuration that the endpoint was moved to; None when nothing was changed yet.
            since: ``in_service_since`` as found before the change.
        """
        live = self._settled(wanted, since)
        if wanted is not None and live.config_name != wanted:
            raise EndpointError(
                f"Endpoint {live.name} went back to {live.config_name} instead of taking {wanted}: "
                f"{live.reason or 'no reason given'}. Look at the endpoint's log, then clear this task."
            )
        since = since or live.modified_at.isoformat()
        settings = self._declared()
        present = self.hook.endpoint_config(live.config_name).capture
        if present == settings and live.capturing == settings.enabled:
            self.log.info("Data capture of %s is as declared, by %s", live.name, live.config_name)
            return {
                "endpoint_config": live.config_name,
                "changed": wanted is not None,
                "in_service_since": since,
            }
        if wanted is not None:
            raise EndpointError(
                f"Endpoint {live.name} has taken {wanted}, but its data capture has not started. "
                f"Look at the endpoint in the console; its role must be allowed to write to {settings.destination_uri}."
            )
        self.log.info("Data capture of %s is %s, declared is %s", live.name, present, settings)
        wanted = self.hook.copy_endpoint_config(
            live.config_name, stem=f"{self.endpoint_name[:40]}-capture", capture=settings
        )
        self.hook.update_capture(self.endpoint_name, wanted)
        self._wait(wanted, since)
        return self._ensure(wanted=wanted, since=since)

    def _settled(self, wanted: str | None, since: str | None) -> LiveEndpoint:
        live = self.hook.endpoint(self.endpoint_name)
        if live is not None and live.changing:
            # Somebody else's change is waited for too: two at once are refused.
            self._wait(wanted, since)
            live = self.hook.endpoint(self.endpoint_name)
        if live is None:
            raise NotRetriedError(
                f"There is no endpoint named {self.endpoint_name!r}. Deploy it (the endpoint's retrain DAG does), or "
                "correct `name` in its YAML file; check the connection's region and account too."
            )
        if live.status != "InService":
            raise EndpointError(
                f"Endpoint {live.name} is {live.status}: {live.reason or 'no reason given'}. Its capture can only be "
                "changed while it is in service."
            )
        return live

    def _wait(self, wanted: str | None, since: str | None) -> None:
        if self.deferrable:
            self.defer(
                trigger=EndpointSettledTrigger(endpoint_name=self.endpoint_name, **self.waiting),
                method_name="execute_complete",
                kwargs={"wanted": wanted, "since": since},
            )
        self.hook.wait_for_endpoint(self.endpoint_name, delay=self.waiter_delay, attempts=self.waiter_max_attempts)

    def _declared(self) -> CaptureSettings:
        return CaptureSettings(
            enabled=True,
            sampling_percentage=self.capture.sampling_percentage,
            destination_uri=self.capture.destination_uri,
            modes=frozenset(self.capture.modes),
            csv_content_types=frozenset(self.capture.csv_content_types),
            json_content_types=frozenset(self.capture.json_content_types),
        )
