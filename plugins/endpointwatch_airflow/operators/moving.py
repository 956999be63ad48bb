"""Move an endpoint to another configuration, and see that it serves it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from airflow.sdk import Asset, Context

from endpointwatch.actions import deployment, rollout
from endpointwatch.errors import ConfigError
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.alarm_channel import QueueHook, TopicHook
from endpointwatch_airflow.hooks.answers import LiveEndpoint
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.hooks.declared_alarms import ensure_alarms
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.links.sagemaker import EndpointLink
from endpointwatch_airflow.operators.leased import LeasedOperator
from endpointwatch_airflow.triggers.deployment import DeploymentTrigger


class MoveEndpointOperator(LeasedOperator):
    """Base of the operators that deploy: start the update, wait for it, say what came of it.

    Killing the task leaves a running update alone: SageMaker cannot stop one.

    Args:
        kwargs: As :class:`LeasedOperator` takes them.
    """

    operator_extra_links = (EndpointLink(),)
    ui_color = "#f0e4d8"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.updating_to: str | None = None

    @abstractmethod
    def move(self, context: Context) -> str:
        """Start the update unless an earlier try did; the name of the configuration that the endpoint shall have."""

    @abstractmethod
    def result(self, context: Context, live: LiveEndpoint) -> Any:
        """What the task hands on, once the endpoint serves what it should."""

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    @cached_property
    def alarms(self) -> CloudWatchHook:
        return CloudWatchHook(**self._hook_parameters)

    def change(self, context: Context) -> Any:
        self.persist_link(context, EndpointLink, endpoint_name=self.endpoint.name)
        config_name = self.move(context)
        live = self.hook.endpoint(self.endpoint.name)
        if live is not None and live.changing:
            self.updating_to = config_name
            if self.deferrable:
                self.defer(
                    trigger=DeploymentTrigger(
                        endpoint_name=self.endpoint.name, config_name=config_name, **self.waiting
                    ),
                    method_name="execute_complete",
                )
            self.hook.wait_for_endpoint(self.endpoint.name, delay=self.waiter_delay, attempts=self.waiter_max_attempts)
            self.updating_to = None
        return self._ended(context, config_name)

    def changed(self, context: Context, event: dict[str, Any]) -> Any:
        return self._ended(context, str(event["config_name"]))

    def on_kill(self) -> None:
        """Say that a running update goes on."""
        if self.updating_to:
            self.log.warning(
                "The task was ended, but the update of endpoint %s to %s goes on in SageMaker",
                self.endpoint.name,
                self.updating_to,
            )

    def update(self, config_name: str, *, at_once: bool = False) -> None:
        """Ask SageMaker for the update, by the declared strategy unless ``at_once``.

        Raises:
            NotRetriedError: An alarm that is to watch the update is missing.
            EndpointError: One is in ALARM already: SageMaker would go back at once, whatever the new version is like.
        """
        if not at_once:
            self._ready_alarms()
        self.deployments.update_endpoint(
            deployment.update_request(self.endpoint, config_name=config_name, at_once=at_once)
        )

    def _ready_alarms(self) -> None:
        """What the file declares is made; what is made elsewhere must be there; none may fire yet."""
        if rollout.watches_declared_alarms(self.endpoint):
            topics, queues = TopicHook(**self._hook_parameters), QueueHook(**self._hook_parameters)
            ensure_alarms(self.endpoint, self.alarms, topics, queues)
        for request in rollout.alarm_requests(self.endpoint):
            self.alarms.put_alarm(request)
        names = rollout.rollback_alarms(self.endpoint)
        states = self.alarms.states(names)
        if missing := [name for name in names if name not in states]:
            raise NotRetriedError(
                f"`deployment.rollback_alarms.names` has {missing}, which are neither under the file's `alarms` nor "
                "among CloudWatch's alarms of this region. Make them, or correct the names."
            )
        if firing := [name for name, state in states.items() if state == "ALARM"]:
            raise EndpointError(
                f"{firing} are in ALARM before the update of {self.endpoint.name!r}, so SageMaker would roll it "
                "back at once. A retry looks again; to get rid of a bad version, run the rollback DAG, which does "
                "not watch alarms."
            )

    def moved(self, live: LiveEndpoint, model_version: str) -> str | None:
        """The configuration by which the endpoint serves this model, or is being made to; None when it does neither."""
        pending = self.deployments.pending_config(live.name) if live.changing else None
        for name in filter(None, (live.config_name, pending)):
            if self.serving(self.deployments.config_content(name)) == model_version:
                return name
        return None

    def serving(self, content: Mapping[str, Any]) -> str | None:
        """The model that the configuration's variant serves."""
        try:
            return deployment.serving_variant(self.endpoint, content).get("ModelName")
        except ConfigError as error:
            raise NotRetriedError(str(error)) from error

    def require_in_service(self, live: LiveEndpoint) -> None:
        if live.status != "InService":
            raise EndpointError(
                f"Endpoint {live.name!r} is {live.status} ({live.reason or 'no reason given'}), so it cannot be "
                "updated. Wait for the other update to end, or delete an endpoint whose creation failed; then clear "
                "this task."
            )

    def _ended(self, context: Context, config_name: str) -> Any:
        # Both ways of waiting end here, so they cannot come to differ in what counts as deployed.
        live = self.hook.endpoint(self.endpoint.name)
        if live is None or live.changing:
            state = "gone" if live is None else f"still {live.status}"
            raise EndpointError(
                f"Endpoint {self.endpoint.name!r} is {state} after "
                f"{self.waiter_max_attempts * self.waiter_delay} s. A retry waits again; raise "
                "`waiter_max_attempts` if this is usual."
            )
        if live.status != "InService":
            raise NotRetriedError(
                f"Endpoint {live.name!r} is {live.status} after the deployment of {config_name}: "
                f"{live.reason or 'no reason given'}. Its log says why; an endpoint whose creation failed must be "
                "deleted before this task is cleared."
            )
        if live.config_name != config_name:
            raise NotRetriedError(
                f"SageMaker rolled the update of {live.name!r} to {config_name} back: "
                f"{live.reason or 'no reason given'}. {live.config_name} goes on serving, the champion stays."
            )
        if not live.capturing:
            raise EndpointError(
                f"Endpoint {live.name!r} has taken {config_name}, but its data capture has not "
                "started. A retry looks again; otherwise run the onboard DAG, which switches capture on."
            )
        result = self.result(context, live)
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra = result
        return result
