"""A message as plain text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from endpointwatch.reports.message.message import Message


def subject(message: Message, *, longest: int = 200) -> str:
    """One line: ``[critical] loans: the schema broke``; cut to ``longest`` characters."""
    line = " ".join(f"[{message.severity}] {message.title}".split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def moment(time: datetime) -> str:
    """As people write it: ``2026-03-01 14:00 UTC``."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def as_text(message: Message) -> str:
    """The whole message, for logs, SNS and whatever shows no markup."""
    return "\n".join(_lines(message)) + "\n"


def _lines(message: Message) -> Iterator[str]:
    yield subject(message)
    yield ""
    yield f"For: {message.owner} ({', '.join(message.audiences)})"
    if message.since is not None:
        yield f"Since: {moment(message.since)}"
    if message.model_version is not None:
        yield f"Model version: {message.model_version}"
    yield from _section("What happened", message.happened)
    yield from _section("Numbers", tuple(map(str, message.figures)))
    yield from _section("Likely cause", (message.likely_cause,))
    yield from _section("What was done", (message.done,))
    yield from _section("What to do next", (*message.next_steps, f"{message.runbook.title}: {message.runbook.uri}"))
    yield from _section("Links", tuple(f"{link.title}: {link.uri}" for link in message.links))


def _section(title: str, lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield from (f"- {line}" for line in lines)
