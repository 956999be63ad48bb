"""A message as Slack takes it by an incoming webhook: https://docs.slack.dev/reference/block-kit/blocks"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from endpointwatch.reports.message.message import Link, Message
from endpointwatch.reports.message.text import moment, subject

#: Slack refuses a message with longer ones.
_HEADER: Final = 150
_SECTION: Final = 3000
_SIGNS: Final = {"info": ":information_source:", "warning": ":warning:", "critical": ":rotating_light:"}


def as_slack(message: Message) -> dict[str, Any]:
    """``text`` (what a notification shows) and ``blocks``."""
    facts = [f"*For:* {_escaped(message.owner)} ({', '.join(message.audiences)})"]
    facts += [f"*Since:* {moment(message.since)}"] if message.since else []
    facts += [f"*Model version:* {_escaped(message.model_version)}"] if message.model_version else []
    steps = [*map(_escaped, message.next_steps), _link(message.runbook)]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": subject(message, longest=_HEADER)}},
        _section(f"{_SIGNS[message.severity]} " + "   ".join(facts)),
        _section(_list("What happened", [_escaped(line) for line in message.happened])),
        *(
            [_section(_list("Numbers", [_escaped(str(figure)) for figure in message.figures]))]
            if message.figures
            else []
        ),
        _section(f"*Likely cause*\n{_escaped(message.likely_cause)}"),
        _section(f"*What was done*\n{_escaped(message.done)}"),
        _section(_list("What to do next", steps)),
        *([_section("   ".join(_link(link) for link in message.links))] if message.links else []),
    ]
    return {"text": _escaped(subject(message)), "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text)}}


def _cut(text: str) -> str:
    """At the end of a line: within one, a link or an escaped sign could be cut in two."""
    if len(text) <= _SECTION:
        return text
    whole = text[: _SECTION - 2].rpartition("\n")[0]
    return f"{whole}\n…" if whole else f"{text[: _SECTION - 1].rpartition(' ')[0]}…"


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join((f"*{title}*", *(f"• {line}" for line in lines)))


def _link(link: Link) -> str:
    if not link.opens:
        return f"{_escaped(link.title)}: `{_escaped(link.uri)}`"
    return f"<{_escaped(link.uri).replace('|', '%7C')}|{_escaped(link.title)}>"


def _escaped(text: str) -> str:
    """Slack's three signs of its own: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
