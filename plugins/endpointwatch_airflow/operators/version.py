"""Let an earlier model version serve again: the way back, or an old one on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from endpointwatch.actions import deployment, naming
from endpointwatch.actions.endpoint_drift import differences
from endpointwatch.actions.versions import VersionRequest, target
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.errors import ConfigError, DeploymentError
from endpointwatch.reports.deployment import Deployment, How
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.answers import LiveEndpoint
from endpointwatch_airflow.hooks.model_registry import ModelRegistryHook
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.operators.moving import MoveEndpointOperator

#: XCom key under which a dry run leaves what would have been done.
PLAN: Final = "plan"


class Change(BaseModel):
    """What the run is to do; every later task of it follows this, also when it is retried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    how: How
    instead_of: str
    to: Deployment
    reason: str
    again: str = Field(
        "", description="Set when the version that serves is to serve on fresh machines: this run's key."
    )


class ChooseVersionOperator(EndpointWatchOperator):
    """Find out which version is to serve instead of which; skipped when there is nothing to do, or by a dry run.

    Args:
        endpoint: The endpoint.
        how: ``rollback`` or ``redeploy``.
        request: The filled-in form, as a mapping or as JSON (templated).
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        A :class:`Change`.
    """

    template_fields: Sequence[str] = aws_template_fields("request")

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        how: How,
        request: Mapping[str, Any] | str = "{{ params | tojson }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.how: How = how
        self.request = request

    def execute(self, context: Context) -> dict[str, Any]:
        request = self._request()
        live = self.hook.endpoint(self.endpoint.name)
        if live is None:
            raise NotRetriedError(
                f"There is no endpoint {self.endpoint.name!r}; the retrain DAG makes its first version."
            )
        serving = self.hook.model_behind(live, self.endpoint.hosting.variant_name).name
        if request.instead_of and request.instead_of != serving:
            raise AirflowSkipException(
                f"Asked to replace {request.instead_of!r}, but {serving!r} serves {live.name!r} by now: done already."
            )
        try:
            found = target(
                recorded(self.store, Layout.of(self.endpoint)),
                request,
                how=self.how,
                serving=serving,
                endpoint=live.name,
            )
        except DeploymentError as error:
            raise NotRetriedError(str(error)) from error
        again = self.how == "redeploy" and not request.version
        if found.model_version == serving and not again:
            raise AirflowSkipException(f"{serving!r} serves {live.name!r} already.")
        key = naming.run_key(context["ti"].run_id) if again else ""
        change = Change(how=self.how, instead_of=serving, to=found, reason=request.reason, again=key).model_dump(
            mode="json"
        )
        told = f"{self.how} of {live.name!r}: {found.model_version!r} is to serve instead of {serving!r}"
        self.log.info("%s. %s", told, request.reason)
        if request.dry_run:
            context["ti"].xcom_push(key=PLAN, value=change)
            raise AirflowSkipException(f"Dry run, nothing is changed. {told}.")
        return change

    def _request(self) -> VersionRequest:
        try:
            if isinstance(self.request, str):
                return VersionRequest.model_validate_json(self.request)
            return VersionRequest.model_validate(self.request)
        except ValidationError as error:
            raise NotRetriedError(f"The form is not filled in rightly: {error.errors(include_url=False)}") from error


class ServeVersionOperator(MoveEndpointOperator):
    """Move the endpoint to the chosen version and see that it serves it.

    The configuration by which the version served last is taken again where it is still there and captures as the YAML
    declares; otherwise one is made from what is live. Instance counts and weights stay in both cases. A rollback goes
    all at once and watches no alarms, which the bad version may have raised; a redeployment goes as the YAML's
    ``deployment`` section says, but all at once when it is the version that serves, on fresh machines.

    Args:
        wanted_change: Result of :class:`ChooseVersionOperator` (templated).
        kwargs: As :class:`MoveEndpointOperator` takes them.
    """

    template_fields: Sequence[str] = aws_template_fields("wanted_change")

    def __init__(self, *, wanted_change: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wanted_change = wanted_change

    @cached_property
    def registry(self) -> ModelRegistryHook:
        return ModelRegistryHook(**self._hook_parameters)

    @property
    def wanted(self) -> Change:
        return Change.model_validate(self.wanted_change)

    def change(self, context: Context) -> Any:
        live = self.hook.endpoint(self.endpoint.name)
        if live is not None and live.changing and not self._mine(live):
            self.wait_for_others()
        return super().change(context)

    def move(self, context: Context) -> str:  # noqa: ARG002 - everything came by a template
        wanted, live = self.wanted, self.hook.endpoint(self.endpoint.name)
        if live is None:
            raise NotRetriedError(f"Endpoint {self.endpoint.name!r} is gone; the retrain DAG makes a first version.")
        if done := self._mine(live):
            self.log.info("An earlier try moved %s to %s already", live.name, done)
            return done
        self.require_in_service(live)
        content = self.deployments.config_content(live.config_name)
        if (serving := self.serving(content)) != wanted.instead_of:
            raise NotRetriedError(
                f"{wanted.to.model_version!r} was to serve instead of {wanted.instead_of!r}, but {serving!r} serves "
                f"{live.name!r} by now. Look who changed it; trigger the DAG again if it is still to be done."
            )
        self._require_model(wanted)
        config_name = self._config_again(content) if wanted.again else self._config(wanted.to, content)
        self.update(config_name, at_once=wanted.how == "rollback" or bool(wanted.again))
        self.log.info("Endpoint %s is to serve %s by %s", live.name, wanted.to.model_version, config_name)
        return config_name

    def result(self, context: Context, live: LiveEndpoint) -> dict[str, Any]:  # noqa: ARG002 - as above
        wanted = self.wanted
        self.log.info("Endpoint %s serves %s", live.name, wanted.to.model_version)
        return {
            "model_version": wanted.to.model_version,
            "endpoint_config": live.config_name,
            "model_package_arn": wanted.to.model_package_arn,
        }

    def _mine(self, live: LiveEndpoint) -> str | None:
        """The configuration by which an earlier try has moved the endpoint, or is moving it; None when none has."""
        if not self.wanted.again:
            return self.moved(live, self.wanted.to.model_version)
        pending = self.deployments.pending_config(live.name) if live.changing else None
        return self._name_again() if self._name_again() in (live.config_name, pending) else None

    def _name_again(self) -> str:
        # Of the run, not of the content: the same content under the same name would be no new deployment.
        return naming.content_name(self.endpoint.name, {"run": self.wanted.again})

    def _config_again(self, live: Mapping[str, Any]) -> str:
        model = self.wanted.to.model_version
        request = deployment.endpoint_config_request(self.endpoint, model_name=model, live=live)
        self.deployments.ensure_endpoint_config({**request, "EndpointConfigName": self._name_again()})
        return self._name_again()

    def _require_model(self, wanted: Change) -> None:
        package, model = wanted.to.model_package_arn, wanted.to.model_version
        if package is None:
            if not self.deployments.has_model(model):
                raise NotRetriedError(
                    f"Model {model!r} has been deleted, and it was not made from the registry: it cannot be made again."
                )
            return
        approval = self.registry.package(package).approval
        if wanted.how == "redeploy" and approval != "Approved":
            raise NotRetriedError(f"Model package {package} is {approval}; only approved ones are deployed.")
        self.deployments.ensure_model(deployment.model_request(self.endpoint, model_name=model, package_arn=package))

    def _config(self, to: Deployment, live: Mapping[str, Any]) -> str:
        before = self.deployments.find_config(to.endpoint_config)
        if before is not None and self._still_fits(before, to.model_version):
            return to.endpoint_config
        try:
            request = deployment.endpoint_config_request(self.endpoint, model_name=to.model_version, live=live)
        except ConfigError as error:
            raise NotRetriedError(str(error)) from error
        self.deployments.ensure_endpoint_config(request)
        return str(request["EndpointConfigName"])

    def _still_fits(self, content: Mapping[str, Any], model_version: str) -> bool:
        captures = not any(found.key.startswith("capture") for found in differences(self.endpoint, content))
        return captures and not content.get("ShadowProductionVariants") and self.serving(content) == model_version
