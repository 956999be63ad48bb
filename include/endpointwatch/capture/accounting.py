"""What became of every row that was read: nothing is lost between the input and the verdict."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class SetAside(BaseModel):
    """A record that could not be analysed: where it stands and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    line: Annotated[int, Field(ge=1)]
    reason: str


class Rows(BaseModel):
    """``read = analysed + set_aside + outside_window + skipped``.

    A malformed record counts as one row, whatever it may have held.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: int = 0
    analysed: int = 0
    set_aside: int = 0
    outside_window: int = 0
    skipped: int = Field(
        0, description="Shadow and monitoring traffic, which no caller saw, and records that a script dropped."
    )
