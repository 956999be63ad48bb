"""Wait in the triggerer until an endpoint is between no two states."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger

from endpointwatch_airflow.hooks.sagemaker import SageMakerHook


class EndpointSettledTrigger(AwsBaseWaiterTrigger):
    """Fires once the endpoint is in service, failed or out of service; which of them is asked by the operator.

    Nothing is stopped when the task is ended meanwhile: an endpoint cannot be told to stop updating, and goes on
    serving either way.

    Args:
        endpoint_name: The endpoint.
        waiter_delay: Seconds between two looks.
        waiter_max_attempts: Looks before giving up.
        aws_conn_id: As everywhere.
        region_name: As everywhere.
        verify: As everywhere.
        botocore_config: As everywhere.
    """

    aws_hook_class = SageMakerHook

    def __init__(
        self,
        *,
        endpoint_name: str,
        waiter_delay: int = 5,
        waiter_max_attempts: int = 720,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            serialized_fields={"endpoint_name": endpoint_name},
            waiter_name="EndpointSettled",
            waiter_args={"EndpointName": endpoint_name},
            failure_message=f"Endpoint {endpoint_name} cannot be waited for",
            status_message=f"Endpoint {endpoint_name} is",
            status_queries=["EndpointStatus"],
            return_key="endpoint_name",
            return_value=endpoint_name,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            aws_conn_id=aws_conn_id,
            region_name=region_name,
            verify=verify,
            botocore_config=botocore_config,
        )

    def hook(self) -> SageMakerHook:
        # Written out: older amazon providers leave this method to every subclass.
        return SageMakerHook(
            aws_conn_id=self.aws_conn_id, region_name=self.region_name, verify=self.verify, config=self.botocore_config
        )
