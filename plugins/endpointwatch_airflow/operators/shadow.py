"""Try a version out on copies of the requests, before it answers any."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import Context

from endpointwatch.actions import deployment
from endpointwatch.actions.deployment import SHADOW
from endpointwatch.actions.shadowing import shadowed, with_shadow, without_shadow
from endpointwatch.config.deployment import Shadow
from endpointwatch.errors import ConfigError
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.answers import LiveEndpoint, Request
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.operators.leased import LeasedOperator
from endpointwatch_airflow.triggers.deployment import DeploymentTrigger

#: Metrics reach CloudWatch by the minute.
SETTLE_SECONDS = 5


class ShadowModelOperator(LeasedOperator):
    """Add a shadow variant of the new version, let it have copies of the requests for a while, and take it away again.

    Its answers reach no client, and its captures no analysis. The task fails, and the champion goes on serving, when
    the shadow does not become healthy or more of its answers than allowed are 5XX. Either way the endpoint is left as
    it was found. For a first version there is nothing to shadow. A retry observes anew.

    Args:
        settings: The YAML's ``deployment.shadow``.
        registered: Result of :class:`RegisterModelOperator` (templated).
        kwargs: As :class:`LeasedOperator` takes them.

    Returns:
        ``invocations`` of the shadow and how many of them were ``errors``; both None for a first version.
    """

    template_fields: Sequence[str] = aws_template_fields("registered")
    ui_color = "#f0e4d8"

    def __init__(self, *, settings: Shadow, registered: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.registered = registered

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    @cached_property
    def cloudwatch(self) -> CloudWatchHook:
        return CloudWatchHook(**self._hook_parameters)

    def change(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - everything came by a template
        self.wait_for_others()
        live = self.hook.endpoint(self.endpoint.name)
        if live is None:
            self.log.info("%s does not exist yet: a first version has nothing to shadow", self.endpoint.name)
            return {"invocations": None, "errors": None}
        live, model = self._in_service(live), self.registered["model_version"]
        content = self.deployments.config_content(live.config_name)
        if shadowed(content) == model:
            return self._observe()
        self.deployments.ensure_model(
            deployment.model_request(self.endpoint, model_name=model, package_arn=self.registered["model_package_arn"])
        )
        try:
            request = with_shadow(self.endpoint, content, model_name=model, share=self.settings.share)
        except ConfigError as error:
            raise NotRetriedError(str(error)) from error
        self._move(request, "shadowing")
        return self.shadowing({"config_name": request["EndpointConfigName"]})

    def shadowing(self, event: dict[str, Any]) -> dict[str, Any]:
        """The shadow is there, or SageMaker did not take it."""
        live = self._in_service(self.hook.endpoint(self.endpoint.name))
        if live.config_name != event["config_name"]:
            raise NotRetriedError(
                f"SageMaker did not take {self.registered['model_version']!r} as a shadow of {live.name!r}: "
                f"{live.reason or 'no reason given'}. {live.config_name} goes on serving, the champion stays."
            )
        return self._observe()

    def observed(self, since: str) -> dict[str, Any]:
        """Its time is up: what was seen decides, once the shadow is gone."""
        seen = self.cloudwatch.sums(
            ("Invocations", "Invocation5XXErrors"),
            {"EndpointName": self.endpoint.name, "VariantName": SHADOW},
            start=datetime.fromisoformat(since) - timedelta(minutes=1),
            end=self.clock() + timedelta(minutes=1),
        )
        live = self._in_service(self.hook.endpoint(self.endpoint.name))
        request = without_shadow(self.endpoint, self.deployments.config_content(live.config_name))
        self._move(request, "judged", seen=seen)
        return self.judged(seen)

    def judged(self, seen: dict[str, float]) -> dict[str, Any]:
        """The endpoint is as it was found."""
        live = self._in_service(self.hook.endpoint(self.endpoint.name))
        if shadowed(self.deployments.config_content(live.config_name)):
            raise EndpointError(f"The shadow variant is still on {live.name!r}: {live.reason or 'no reason given'}.")
        asked, errors = seen["Invocations"], seen["Invocation5XXErrors"]
        told = f"{errors:g} of {asked:g} copied requests were answered by 5XX"
        if asked and errors / asked > self.settings.maximum_errors:
            raise NotRetriedError(
                f"{self.registered['model_version']!r} failed as a shadow of {live.name!r}: {told}, allowed is a share "
                f"of {self.settings.maximum_errors:g}. The champion stays."
            )
        if not asked:
            self.log.warning("No request came to %s meanwhile: the shadow has shown nothing", live.name)
        self.log.info("%s", told)
        return {"invocations": asked, "errors": errors}

    def resumed(self, context: Context, event: Any = None, step: str = "", **told: Any) -> Any:
        """Go on after a deferral; the lease was held meanwhile."""
        arguments = {"event": event} if step == "shadowing" else told
        return self._holding(context, lambda: getattr(self, step)(**arguments))

    @property
    def lease_seconds(self) -> float:
        return super().lease_seconds + self.settings.seconds

    def _observe(self) -> dict[str, Any]:
        since = self.clock().isoformat()
        if self.deferrable:
            self.defer(
                trigger=TimeDeltaTrigger(timedelta(seconds=self.settings.seconds + SETTLE_SECONDS)),
                method_name="resumed",
                kwargs={"step": "observed", "since": since},
            )
        time.sleep(self.settings.seconds + SETTLE_SECONDS)
        return self.observed(since)

    def _move(self, request: Request, step: str, **told: Any) -> None:
        name = str(request["EndpointConfigName"])
        self.deployments.ensure_endpoint_config(request)
        self.deployments.update_endpoint(deployment.update_request(self.endpoint, config_name=name, at_once=True))
        if self.deferrable:
            self.defer(
                trigger=DeploymentTrigger(endpoint_name=self.endpoint.name, config_name=name, **self.waiting),
                method_name="resumed",
                kwargs={"step": step, **told},
            )
        self.hook.wait_for_endpoint(self.endpoint.name, delay=self.waiter_delay, attempts=self.waiter_max_attempts)

    def _in_service(self, live: LiveEndpoint | None) -> LiveEndpoint:
        if live is None or live.status != "InService":
            state = "gone" if live is None else f"{live.status} ({live.reason or 'no reason given'})"
            raise EndpointError(f"Endpoint {self.endpoint.name!r} is {state}; a retry looks again.")
        return live
