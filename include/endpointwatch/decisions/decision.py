"""A decision as it is kept: what it saw, the rule that fired, and the action."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.config.window import Window
from endpointwatch.reports.verdict import Status, Verdict

Action = Literal["retrain", "notify", "nothing"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Seen(_Part):
    """One verdict as the decision saw it."""

    window: Window
    monitor: str
    status: Status
    violations: int
    model_version: str | None = None
    counted: bool = Field(description="Whether this verdict counts towards the rule.")

    @classmethod
    def of(cls, verdict: Verdict, *, counted: bool) -> Seen:
        return cls(
            window=verdict.window,
            monitor=verdict.monitor,
            status=verdict.status,
            violations=len(verdict.violations),
            model_version=verdict.model_version,
            counted=counted,
        )


class Rule(_Part):
    """The part of the YAML's ``decision`` section that the outcome depends on."""

    violations: int
    windows: int
    action: Literal["retrain", "notify"]

    def __str__(self) -> str:
        return f"violations in {self.violations} of the last {self.windows} windows: {self.action}"


class Decision(_Part):
    """The outcome for the windows that end with ``window``. A pure function of verdicts and rule."""

    version: Literal["1"] = "1"
    endpoint: str
    window: Window
    model_version: str | None = None
    rule: Rule
    violated_windows: int
    action: Action
    reason: str
    evidence: tuple[Seen, ...]

    @property
    def evidence_hash(self) -> str:
        """SHA-256 over evidence and rule (64 hex digits): other evidence, or another rule, is another decision."""
        told = self.model_dump(mode="json", include={"endpoint", "window", "rule", "evidence"})
        return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def to_json(self) -> str:
        """The file's exact text, with its own hash in it: the same decision always gives the same bytes."""
        return json.dumps({**self.model_dump(mode="json"), "evidence_hash": self.evidence_hash}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Decision:
        """The decision that :meth:`to_json` wrote.

        Raises:
            ValueError: The text is no decision, or its hash does not fit its content.
        """
        document = json.loads(text)
        said = document.pop("evidence_hash", None)
        decision = cls.model_validate(document)
        if said not in (None, decision.evidence_hash):
            raise ValueError(f"the decision's evidence_hash is {said}, its content gives {decision.evidence_hash}")
        return decision
