"""A decision as it is kept: what it saw, which rules fired and which did not, and the action that is asked for."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field, field_serializer

from endpointwatch.config.decision import Action, Rule
from endpointwatch.config.notifications import Audience
from endpointwatch.config.window import Window
from endpointwatch.decisions.seen import Part, Seen


class Weighed(Part):
    """A window that counts by a rule."""

    window: Window
    points: float


class Outcome(Part):
    """What became of one rule. The rule stands here as the file has it, but for how long it may be acted upon."""

    rule: Rule
    fired: bool
    windows: tuple[Weighed, ...] = Field((), description="Those that count, of the last ones it looks at.")
    reason: str

    @field_serializer("rule")
    def _what_differs(self, rule: Rule) -> dict[str, Any]:
        # Defaults are left out: a key that a later version adds must not make another decision of the same evidence.
        return rule.model_dump(mode="json", exclude_defaults=True)


class Decision(Part):
    """The outcome for the windows that end with ``window``. A pure function of verdicts and rules."""

    version: Literal["2"] = "2"
    endpoint: str
    window: Window
    model_version: str | None = None
    rule: str | None = Field(description="Name of the rule that decides: the first that fired. None: none did.")
    violated_windows: int = Field(description="Windows that count by it; when none fired, the most by any rule.")
    action: Action = Field(description="What is asked for. What is allowed, and when, is kept apart.")
    tell: tuple[Audience, ...] = ()
    reason: str
    rules: tuple[Outcome, ...]
    evidence: tuple[Seen, ...]

    @property
    def fired(self) -> Outcome | None:
        """The outcome of the rule that decides."""
        return next((outcome for outcome in self.rules if outcome.rule.name == self.rule), None)

    @property
    def evidence_hash(self) -> str:
        """SHA-256 over evidence and rules (64 hex digits): other evidence, or other rules, is another decision."""
        told = self.model_dump(mode="json", include={"endpoint", "window", "rules", "evidence"})
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
