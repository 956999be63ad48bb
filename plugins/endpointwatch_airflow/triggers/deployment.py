"""Wait in the triggerer until a deployment has ended."""

from __future__ import annotations

from typing import Any

from endpointwatch_airflow.triggers.endpoint import EndpointSettledTrigger


class DeploymentTrigger(EndpointSettledTrigger):
    """Fires once the endpoint is between no two states; whether it serves what it should is asked by the operator.

    Ending the deferred task leaves the update alone, and says so: SageMaker cannot stop one, and half an update is
    worse than either end of it.

    Args:
        config_name: The configuration that the endpoint is being moved to.
        kwargs: As :class:`EndpointSettledTrigger` takes them.
    """

    def __init__(self, *, config_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config_name = config_name
        self.serialized_fields["config_name"] = config_name
        self.return_key, self.return_value = "config_name", config_name

    async def on_kill(self) -> None:
        """Say that the update goes on."""
        self.log.warning(
            "The task was ended, but the update of endpoint %s to %s goes on in SageMaker; describe the endpoint to "
            "see what serves",
            self.serialized_fields["endpoint_name"],
            self.config_name,
        )
