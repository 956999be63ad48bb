"""How much is done about alarms, and how soon."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from endpointwatch.config.section import Section


class Remediation(Section):
    """How the answers to alarms are held in bounds."""

    dry_run: bool = Field(False, description="Decide and record as ever, and tell what would be done, but do nothing.")
    escalate_after_minutes: int = Field(
        10, ge=1, description="An alarm that persists so long after an action gets the next one of its list."
    )
    cooldown_minutes: int = Field(
        120, ge=1, description="An alarm that comes back within this time goes on in its list, and does not begin anew."
    )
    maximum_per_day: int = Field(6, ge=0, description="So many actions beside `notify` in 24 h, all alarms together.")
    sweep: str = Field("*/10 * * * *", description="When alarms are looked at whether or not a message came; UTC cron.")

    @model_validator(mode="after")
    def _cooldown_covers_escalation(self) -> Self:
        if self.cooldown_minutes < self.escalate_after_minutes:
            raise ValueError(
                f"cooldown_minutes ({self.cooldown_minutes}) must be at least escalate_after_minutes "
                f"({self.escalate_after_minutes}), or an alarm that comes and goes never gets its second action"
            )
        return self
