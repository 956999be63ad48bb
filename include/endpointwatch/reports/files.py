"""Result files: replaced whole, and the same content always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from endpointwatch.monitors.findings import Violation

STATISTICS = "statistics.json"
CONSTRAINTS = "constraints.json"
VIOLATIONS = "constraint_violations.json"
VERDICT = "verdict.json"
BASELINE = "baseline.json"
MERGE = "merge.json"
REPLAY = "replay.json"
REPLAY_TABLE = "replay.txt"


def json_text(document: Mapping[str, Any]) -> str:
    """The document as Model Monitor lays it out: two spaces, keys in their own order, a space before each colon."""
    return json.dumps(document, indent=2, ensure_ascii=False, separators=(",", " : ")) + "\n"


def violations_document(violations: Iterable[Violation]) -> dict[str, Any]:
    """``constraint_violations.json``; with no violation the list is there and empty."""
    return {"violations": [violation.model_dump() for violation in violations]}


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` with ``text``: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
