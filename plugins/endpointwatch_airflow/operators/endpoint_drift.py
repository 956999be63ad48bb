"""Say what of a live endpoint is not as its file declares it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.sdk import Context

from endpointwatch.actions.endpoint_drift import differences
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.links.sagemaker import EndpointLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator


class CompareWithFileOperator(EndpointWatchOperator):
    """Compare the live endpoint's configuration with its YAML file; differences are warnings in the log.

    Args:
        endpoint: The endpoint.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        The differences (:class:`~endpointwatch.actions.endpoint_drift.Difference`); empty when there are none.
    """

    operator_extra_links = (EndpointLink(),)

    def __init__(self, *, endpoint: Endpoint, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    def execute(self, context: Context) -> list[dict[str, str]]:
        self.persist_link(context, EndpointLink, endpoint_name=self.endpoint.name)
        live = self.hook.endpoint(self.endpoint.name)
        if live is None:
            raise NotRetriedError(f"There is no endpoint {self.endpoint.name!r} to compare with its file.")
        found = differences(self.endpoint, self.deployments.config_content(live.config_name))
        for difference in found:
            self.log.warning("%s", difference)
        if not found:
            self.log.info("Endpoint %s is as its file declares it", live.name)
        return [difference.model_dump() for difference in found]
