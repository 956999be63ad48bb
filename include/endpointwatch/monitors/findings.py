"""What a check finds: broken constraints and measured distances."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Violation(BaseModel):
    """One broken constraint, in the words and keys of Model Monitor's ``constraint_violations.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature_name: str
    constraint_check_type: str
    description: str


class Distance(BaseModel):
    """How far a feature's window lies from its baseline, and the limit it was held against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature_name: str
    method: str
    distance: float
    threshold: float
    exceeded: bool
