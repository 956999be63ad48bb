"""What an endpoint's file may say about who approves a model version."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from endpointwatch.config.section import Section


class Approval(Section):
    """Who approves a model version that has won, before it is deployed."""

    by: Literal["policy", "person"] = Field(
        "policy",
        description="`policy`: the comparison's figures approve. `person`: the retraining waits in Airflow, under "
        "Required Actions, until somebody approves or rejects.",
    )
    expires_hours: float = Field(24.0, gt=0.0, le=8760.0, description="So long a person is waited for.")
    on_expiry: Literal["reject", "approve"] = Field("reject", description="What follows when nobody has answered.")
    approvers: tuple[str, ...] = Field(
        (), description="Ids of the Airflow users who may answer; empty: everybody who may edit the DAG's tasks."
    )

    @model_validator(mode="after")
    def _is_asked(self) -> Self:
        if self.approvers and self.by == "policy":
            raise ValueError("approvers are named, but `by` is policy; set `by: person` to ask them")
        return self
