"""How many instances serve an endpoint."""

from __future__ import annotations

from botocore.exceptions import ClientError

from endpointwatch_airflow.hooks.sagemaker import SageMakerHook, is_missing


class ScalingHook(SageMakerHook):
    """Instance counts of an endpoint's variants."""

    def instances(self, endpoint: str, variant: str) -> int | None:
        """The desired instance count; None when there is no such endpoint or variant, or it has no instances."""
        try:
            answer = self.client.describe_endpoint(EndpointName=endpoint)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        counts = {item["VariantName"]: item.get("DesiredInstanceCount") for item in answer["ProductionVariants"]}
        return counts.get(variant)

    def scale(self, endpoint: str, variant: str, instances: int) -> None:
        """Ask for so many instances; the endpoint is Updating meanwhile, and goes on serving."""
        self.client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": variant, "DesiredInstanceCount": instances}],
        )
