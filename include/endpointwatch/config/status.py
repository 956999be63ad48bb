"""What a verdict can say of a window."""

from __future__ import annotations

from typing import Literal

#: What counts against an endpoint, where a rule says so.
CountedStatus = Literal[
    "VIOLATIONS",
    "NO_DATA",
    "TOO_FEW_ROWS",
    "CAPTURE_OFF",
    "CAPTURE_LAGGING",
    "LABELS_MISSING",
    "NO_BASELINE",
    "ENCODING_MIXED",
    "SCHEMA_CHANGED",
    "JOB_FAILED",
]
#: `OK` counts for it, and `PROVISIONAL` neither way.
Status = Literal["OK", "PROVISIONAL", CountedStatus]
