"""What can be done about an alarm, and how far `scale` may go."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from endpointwatch.config.section import Section

Action = Literal["notify", "scale", "rollback", "redeploy", "pause", "run_dag"]


class Scaling(Section):
    """How far `scale` may go: by so many instances at a time, within these bounds."""

    minimum_instances: int = Field(1, ge=1, description="At least so many after scaling.")
    maximum_instances: int = Field(
        4, ge=1, description="With so many already, an alarm takes its next action, and of a rule people are told."
    )
    step: int = Field(1, ge=1, description="Instances added at a time.")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.maximum_instances < self.minimum_instances:
            raise ValueError(
                f"maximum_instances ({self.maximum_instances}) is below minimum_instances ({self.minimum_instances})"
            )
        return self

    def after(self, instances: int) -> int | None:
        """The instance count to ask for when so many serve; None when scaling can help no more."""
        if instances >= self.maximum_instances:
            return None
        return min(max(instances + self.step, self.minimum_instances), self.maximum_instances)
