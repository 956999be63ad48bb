"""Deploy an approved model version on its endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.actions import deployment
from endpointwatch.actions.admission import Retraining
from endpointwatch.errors import ConfigError
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.answers import LiveEndpoint
from endpointwatch_airflow.hooks.model_registry import ModelRegistryHook
from endpointwatch_airflow.operators.moving import MoveEndpointOperator


class DeployModelOperator(MoveEndpointOperator):
    """Create or update the endpoint so that it serves a registered model version, and see that it does.

    The update follows the YAML's ``deployment`` section; alarms that it describes are made before. Everything else
    about a live endpoint stays: variants, sizes, network, keys; data capture is as the YAML declares it. If SageMaker
    rolls the update back, or somebody deployed another model in between, the task fails and what served before goes on
    serving. Killing the task leaves a running update alone.

    Every asset in ``outlets`` gets an event with ``model_version``, ``endpoint_config`` and ``model_package_arn``.

    Args:
        retraining: What :class:`AdmitRetrainingOperator` admitted (templated).
        registered: Result of :class:`RegisterModelOperator` (templated).
        kwargs: As :class:`MoveEndpointOperator` takes them.
    """

    template_fields: Sequence[str] = aws_template_fields("registered", "retraining")

    def __init__(self, *, retraining: Mapping[str, Any], registered: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.retraining = retraining
        self.registered = registered

    @cached_property
    def registry(self) -> ModelRegistryHook:
        return ModelRegistryHook(**self._hook_parameters)

    def move(self, context: Context) -> str:  # noqa: ARG002 - everything came by templates
        model_version, package_arn = self.registered["model_version"], self.registered["model_package_arn"]
        self._require_approval(package_arn)
        self.deployments.ensure_model(
            deployment.model_request(self.endpoint, model_name=model_version, package_arn=package_arn)
        )
        return self._start(self.hook.endpoint(self.endpoint.name), model_version)

    def result(self, context: Context, live: LiveEndpoint) -> dict[str, Any]:  # noqa: ARG002 - as above
        self.log.info("Endpoint %s serves %s", live.name, self.registered["model_version"])
        return {
            "model_version": self.registered["model_version"],
            "endpoint_config": live.config_name,
            "model_package_arn": self.registered["model_package_arn"],
        }

    def _require_approval(self, package_arn: str) -> None:
        package = self.registry.package(package_arn)
        if package.approval != "Approved":
            raise NotRetriedError(
                f"Model package {package_arn} is {package.approval}; only approved ones are deployed. Approve it in "
                "the registry, then clear this task."
            )

    def _start(self, live: LiveEndpoint | None, model_version: str) -> str:
        if live is not None and (done := self.moved(live, model_version)):
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
            self.update(config_name)
        self.log.info("Endpoint %s is to serve %s by %s", self.endpoint.name, model_version, config_name)
        return config_name

    def _require_champion(self, live: LiveEndpoint, content: Mapping[str, Any]) -> None:
        """The challenger has beaten one champion; nobody says that it is better than any other model."""
        self.require_in_service(live)
        champion = Retraining.model_validate(self.retraining).champion
        serving = self.serving(content)
        beaten = champion.model_version if champion else None
        if serving != beaten:
            raise NotRetriedError(
                f"Endpoint {live.name!r} is served by {serving!r} by now, but the challenger was compared with "
                f"{beaten or 'no champion'!r}. What serves stays; trigger the retraining again to compare with it."
            )
