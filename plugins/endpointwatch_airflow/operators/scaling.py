"""Change how many instances serve an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.hooks.scaling import ScalingHook
from endpointwatch_airflow.links.sagemaker import EndpointLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.triggers.endpoint import EndpointSettledTrigger


class ScaleEndpointOperator(EndpointWatchOperator):
    """Set a variant's instance count and wait until the endpoint has it.

    A change under way is waited for first: two at once are refused. An endpoint that has the count already is left
    alone, so a retry does nothing twice.

    Args:
        endpoint: The endpoint.
        variant: Its variant; None takes ``hosting.variant_name``.
        desired_instance_count: So many instances (templated).
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        ``instances``: the count now; ``changed``: whether it was another one.
    """

    template_fields: Sequence[str] = aws_template_fields("variant", "desired_instance_count")
    operator_extra_links = (EndpointLink(),)

    def __init__(
        self, *, endpoint: Endpoint, variant: str | None = None, desired_instance_count: int | str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.variant = variant
        self.desired_instance_count = desired_instance_count

    @cached_property
    def scaling(self) -> ScalingHook:
        return ScalingHook(
            aws_conn_id=self.aws_conn_id, region_name=self.region_name, verify=self.verify, config=self.botocore_config
        )

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
            endpoint_name=self.endpoint.name,
        )
        return self._scaled(asked=False)

    def execute_complete(
        self,
        context: Context,  # noqa: ARG002 - Airflow's signature
        event: dict[str, Any] | None = None,  # noqa: ARG002 - where the endpoint stands is asked again
        asked: bool = False,
    ) -> dict[str, Any]:
        return self._scaled(asked=asked)

    def _scaled(self, *, asked: bool) -> dict[str, Any]:
        """Go on from wherever the endpoint stands; ``asked`` says whether the count was asked for already."""
        name, variant = self.endpoint.name, self.variant or self.endpoint.hosting.variant_name
        live = self.hook.endpoint(name)
        if live is not None and live.changing:
            self._wait(asked=asked)
            live = self.hook.endpoint(name)
        if live is None:
            raise NotRetriedError(f"There is no endpoint named {name!r} to scale.")
        if live.status != "InService":
            raise EndpointError(
                f"Endpoint {name} is {live.status}: {live.reason or 'no reason given'}. It cannot scale."
            )
        wanted, present = int(self.desired_instance_count), self.scaling.instances(name, variant)
        if present is None:
            raise NotRetriedError(
                f"Endpoint {name} has no variant {variant!r} with instances. Correct `hosting.variant_name`."
            )
        if present == wanted:
            self.log.info("%s of %s has %d instances", variant, name, wanted)
            return {"instances": wanted, "changed": asked}
        if asked:
            raise EndpointError(
                f"Endpoint {name} stayed at {present} instances, not {wanted}: {live.reason or 'no reason given'}."
            )
        self.log.info("%s of %s: %d instances, asking for %d", variant, name, present, wanted)
        self.scaling.scale(name, variant, wanted)
        self._wait(asked=True)
        return self._scaled(asked=True)

    def _wait(self, *, asked: bool) -> None:
        if self.deferrable:
            self.defer(
                trigger=EndpointSettledTrigger(endpoint_name=self.endpoint.name, **self.waiting),
                method_name="execute_complete",
                kwargs={"asked": asked},
            )
        self.hook.wait_for_endpoint(self.endpoint.name, delay=self.waiter_delay, attempts=self.waiter_max_attempts)
