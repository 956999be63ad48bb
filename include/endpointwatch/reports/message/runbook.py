"""The entries of ``docs/runbook.md``: their anchors follow from the names, and a test sees that each is there."""

from __future__ import annotations

from typing import Literal

from endpointwatch.reports.message.message import Link

Entry = Literal["status", "violation", "alarm", "failure"]
#: Of a task that failed: there is one entry for all of them.
TASK = "task"


def anchor(entry: Entry, name: str) -> str:
    """The entry's place on the page: ``status-no_data`` for the heading ``### Status: NO_DATA``, as GitHub makes it."""
    return f"{entry}-{name.lower()}"


def runbook(uri: str, entry: Entry, name: str | None) -> Link:
    """The link to an entry.

    Args:
        uri: The page: ``notifications.runbook_uri``.
        entry: What the entry is about.
        name: Which one: a status, a check, an alarm. None: none of those that the page knows; it leads to all alarms.
    """
    if name is None:
        return Link(title="Runbook: alarms", uri=f"{uri}#alarms")
    return Link(title=f"Runbook: {name}", uri=f"{uri}#{anchor(entry, name)}")
