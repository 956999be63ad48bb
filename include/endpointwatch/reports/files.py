"""Result files: replaced whole, and the same content always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from endpointwatch.monitors.findings import Violation
from endpointwatch.reports.layout import laid_out

STATISTICS = "statistics.json"
CONSTRAINTS = "constraints.json"
VIOLATIONS = "constraint_violations.json"
VERDICT = "verdict.json"
BASELINE = "baseline.json"
ANALYSIS = "analysis.json"
REPORT = "report.html"
MERGE = "merge.json"
REPLAY = "replay.json"
REPLAY_TABLE = "replay.txt"


def json_text(document: Mapping[str, Any]) -> str:
    """The document as Model Monitor lays it out: two spaces, keys in their own order, a space before each colon."""
    return laid_out(document) + "\n"


def violations_document(violations: Iterable[Violation]) -> dict[str, Any]:
    """``constraint_violations.json``; with no violation the list is there and empty.

    A column's violation begins with the column; a metric's has its keys by the alphabet.
    """
    dumped = (violation.model_dump() for violation in violations)
    return {"violations": [one if "feature_name" in one else dict(sorted(one.items())) for one in dumped]}


def clarify_text(document: Mapping[str, Any]) -> str:
    """The document as Clarify lays it out: four spaces."""
    return json.dumps(document, indent=4, ensure_ascii=False) + "\n"


def clarify_violations(violations: Iterable[Violation]) -> dict[str, Any]:
    """``constraint_violations.json`` of Clarify's monitors: a version, and each violation's keys in their order."""
    return {"version": "1.0", "violations": [dict(sorted(one.model_dump().items())) for one in violations]}


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` with ``text``: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
