"""Change how many instances serve an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.links.sagemaker import EndpointLink
from endpointwatch_airflow.operators.leased import LeasedOperator
from endpointwatch_airflow.triggers.endpoint import EndpointSettledTrigger


class ScaleEndpointOperator(LeasedOperator):
    """Set a variant's instance count and wait until the endpoint has it.

    It waits for its turn while another task changes the endpoint. An endpoint that has the count already is left
    alone, so a retry does nothing twice. The weight stays.

    Args:
        variant: Its variant; None takes ``hosting.variant_name``.
        desired_instance_count: So many instances (templated).
        minimum_instances: A smaller count is refused.
        maximum_instances: A larger count is refused; None: no limit but SageMaker's.
        dry_run: Only say what would be done (templated).
        kwargs: As :class:`LeasedOperator` takes them.

    Returns:
        ``instances``: the count now; ``changed``: whether it was another one.
    """

    template_fields: Sequence[str] = aws_template_fields("variant", "desired_instance_count", "only_say")
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self,
        *,
        desired_instance_count: int | str,
        variant: str | None = None,
        minimum_instances: int = 1,
        maximum_instances: int | None = None,
        dry_run: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.variant = variant
        self.desired_instance_count = desired_instance_count
        self.minimum_instances = minimum_instances
        self.maximum_instances = maximum_instances
        # BaseOperator has a method called dry_run, so the attribute that is rendered has another name.
        self.only_say = dry_run

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    def change(self, context: Context) -> dict[str, Any]:
        self.persist_link(context, EndpointLink, endpoint_name=self.endpoint.name)
        wanted = self._wanted()
        self.wait_for_others()
        counts = self._counts()
        if counts[self._variant] == wanted:
            self.log.info("Variant %s of %s has %d instances already", self._variant, self.endpoint.name, wanted)
            return {"instances": wanted, "changed": False}
        told = f"{self._variant} of {self.endpoint.name}: {counts[self._variant]} instances become {wanted}"
        if str(self.only_say).lower() == "true":
            self.log.info("Dry run, nothing is changed. %s", told)
            return {"instances": counts[self._variant], "changed": False}
        self.log.info("%s", told)
        self.deployments.set_instances(self.endpoint.name, self._variant, wanted)
        if self.deferrable:
            self.defer(
                trigger=EndpointSettledTrigger(endpoint_name=self.endpoint.name, **self.waiting),
                method_name="execute_complete",
            )
        self.hook.wait_for_endpoint(self.endpoint.name, delay=self.waiter_delay, attempts=self.waiter_max_attempts)
        return self.changed(context, {})

    def changed(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - asked again
        wanted = self._wanted()
        self.wait_for_others()
        counts = self._counts()
        if counts[self._variant] != wanted:
            raise EndpointError(
                f"Variant {self._variant} of {self.endpoint.name!r} has {counts[self._variant]} instances, not the "
                f"{wanted} asked for: SageMaker had no capacity, or another change came after. A retry asks again."
            )
        return {"instances": wanted, "changed": True}

    @property
    def _variant(self) -> str:
        return self.variant or self.endpoint.hosting.variant_name

    def _wanted(self) -> int:
        wanted, most = int(self.desired_instance_count), self.maximum_instances
        if wanted < self.minimum_instances or (most is not None and wanted > most):
            raise NotRetriedError(
                f"{wanted} instances for {self.endpoint.name!r} are outside {self.minimum_instances} to "
                f"{most if most is not None else 'no limit'}. Change the bounds if that is meant."
            )
        return wanted

    def _counts(self) -> dict[str, int]:
        live = self.hook.endpoint(self.endpoint.name)
        if live is None or live.status != "InService":
            state = "not there" if live is None else live.status
            raise EndpointError(
                f"Endpoint {self.endpoint.name!r} is {state}; only one in service is scaled. A retry looks again."
            )
        counts = self.deployments.instances(self.endpoint.name)
        if self._variant not in counts:
            raise NotRetriedError(
                f"Endpoint {self.endpoint.name!r} has no variant {self._variant!r}; it has {sorted(counts)}."
            )
        return counts
