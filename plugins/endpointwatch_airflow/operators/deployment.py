"""Deploy an approved model version on its endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Asset, Context

from endpointwatch.actions import deployment
from endpointwatch.actions.admission import Retraining
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import ConfigError
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.answers import LiveEndpoint
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.hooks.model_registry import ModelRegistryHook
from endpointwatch_airflow.links.sagemaker import EndpointLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.triggers.deployment import DeploymentTrigger


class DeployModelOperator(EndpointWatchOperator):
    """Create or update the endpoint so that it serves a registered model version, and see that it does.

    Everything else about a live endpoint stays: variants, sizes, network, keys; data capture is as the YAML declares
    it. If SageMaker rolls the update back, or somebody deployed another model in between, the task fails and what
    served before goes on serving. Killing the task leaves a running update alone.

    Every asset in ``outlets`` gets an event with ``model_version``, ``endpoint_config`` and ``model_package_arn``.

    Args:
        endpoint: The endpoint to deploy on.
        retraining: What :class:`AdmitRetrainingOperator` admitted (templated).
        registered: Result of :class:`RegisterModelOperator` (templated).
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    template_fields: Sequence[str] = aws_template_fields("registered", "retraining")
    operator_extra_links = (EndpointLink(),)
    ui_color = "#f0e4d8"

    def __init__(
        self, *, endpoint: Endpoint, retraining: Mapping[str, Any], registered: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.retraining = retraining
        self.registered = registered
        self.updating_to: str | None = None

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    @cached_property
    def registry(self) -> ModelRegistryHook:
        return ModelRegistryHook(**self._hook_parameters)

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
            endpoint_name=self.endpoint.name,
        )
        model_version, package_arn = self.registered["model_version"], self.registered["model_package_arn"]
        self._require_approval(package_arn)
        self.deployments.ensure_model(
            deployment.model_request(self.endpoint, model_name=model_version, package_arn=package_arn)
        )
        config_name = self._start(self.hook.endpoint(self.endpoint.name), model_version)
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

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._ended(context, str((event or {})["config_name"]))

    def on_kill(self) -> None:
        """Say that a running update goes on: SageMaker cannot stop one."""
        if self.updating_to:
            self.log.warning(
                "The task was ended, but the update of endpoint %s to %s goes on in SageMaker",
                self.endpoint.name,
                self.updating_to,
            )

    def _require_approval(self, package_arn: str) -> None:
        package = self.registry.package(package_arn)
        if package.approval != "Approved":
            raise NotRetriedError(
                f"Model package {package_arn} is {package.approval}; only approved ones are deployed. Approve it in "
                "the registry, then clear this task."
            )

    def _start(self, live: LiveEndpoint | None, model_version: str) -> str:
        """Create or update the endpoint unless an earlier try did; the name of the configuration it shall have."""
        if live is not None and (done := self._moved(live, model_version)):
            self.log.info("An earlier try moved %s to %s already", live.name, done)
            return done
        content = self.deployments.config_content(live.config_name) if live else None
        if live is not None and content is not None:
            self._require_champion(live, content)
        try:
            request = deployment.endpoint_config_request(self.endpoint, model_name=model_version, live=content)
        except ConfigError as error:
            raise NotRetriedError(str(error)) from error
        config_name = str(request["EndpointConfigName"])
        self.deployments.ensure_endpoint_config(request)
        if live is None:
            self.deployments.create_endpoint(deployment.create_request(self.endpoint, config_name=config_name))
        else:
            self.deployments.update_endpoint(deployment.update_request(self.endpoint, config_name=config_name))
        self.log.info("Endpoint %s is to serve %s by %s", self.endpoint.name, model_version, config_name)
        return config_name

    def _moved(self, live: LiveEndpoint, model_version: str) -> str | None:
        """The configuration by which the endpoint serves this model, or is being made to; None when it does neither."""
        pending = self.deployments.pending_config(live.name) if live.changing else None
        for name in filter(None, (live.config_name, pending)):
            if self._serving(self.deployments.config_content(name)) == model_version:
                return name
        return None

    def _serving(self, content: Mapping[str, Any]) -> str | None:
        try:
            return deployment.serving_variant(self.endpoint, content).get("ModelName")
        except ConfigError as error:
            raise NotRetriedError(str(error)) from error

    def _require_champion(self, live: LiveEndpoint, content: Mapping[str, Any]) -> None:
        """The challenger has beaten one champion; nobody says that it is better than any other model."""
        if live.status != "InService":
            raise EndpointError(
                f"Endpoint {live.name!r} is {live.status} ({live.reason or 'no reason given'}), so it cannot be "
                "updated. Wait for the other update to end, or delete an endpoint whose creation failed; then clear "
                "this task."
            )
        champion = Retraining.model_validate(self.retraining).champion
        serving = self._serving(content)
        beaten = champion.model_version if champion else None
        if serving != beaten:
            raise NotRetriedError(
                f"Endpoint {live.name!r} is served by {serving!r} by now, but the challenger was compared with "
                f"{beaten or 'no champion'!r}. What serves stays; trigger the retraining again to compare with it."
            )

    def _ended(self, context: Context, config_name: str) -> dict[str, Any]:
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
                f"Endpoint {live.name!r} serves {self.registered['model_version']!r}, but its data capture has not "
                "started. A retry looks again; otherwise run the onboard DAG, which switches capture on."
            )
        result = {
            "model_version": self.registered["model_version"],
            "endpoint_config": config_name,
            "model_package_arn": self.registered["model_package_arn"],
        }
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra = result
        self.log.info("Endpoint %s serves %s", live.name, result["model_version"])
        return result
