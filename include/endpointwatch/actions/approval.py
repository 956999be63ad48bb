"""What a person is shown who is to approve a model version, and how the answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from endpointwatch.actions.comparison import Comparison, OnRows

APPROVE = "Approve"
COMMENT = "comment"
#: Airflow's form does not take an empty text.
NO_COMMENT = "-"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered.

    Attributes:
        approved: Whether the version may be deployed.
        by: Who answered, or that nobody did.
        comment: In that person's words.
        expired: Nobody answered in time.
    """

    approved: bool
    by: str
    comment: str = ""
    expired: bool = False


def answer_of(event: Mapping[str, Any], *, expires_hours: float) -> Answer:
    """The answer in an event by which Airflow goes on: chosen options, the form's content, and who sent it."""
    user = event.get("responded_by_user")
    expired = bool(event.get("timedout", user is None))
    comment = str((event.get("params_input") or {}).get(COMMENT) or "").strip()
    return Answer(
        approved=list(event["chosen_options"]) == [APPROVE],
        by=f"nobody within {expires_hours:g} h, as `approval.on_expiry` says" if expired else _person(user),
        comment="" if expired or comment == NO_COMMENT else comment,
        expired=expired,
    )


def body(comparison: Comparison, links: Mapping[str, str]) -> str:
    """The comparison as Markdown, with links to what it rests on.

    Args:
        comparison: Who won and why.
        links: By their texts.
    """
    lines = [comparison.reason, "", "| | Champion | Challenger | Allowed |", "|---|---|---|---|"]
    lines += _figures("recent rows", comparison.recent)
    if comparison.recent is None:
        lines.append(_row(comparison.metric, comparison.champion, comparison.challenger))
    lines += _figures("original test rows", comparison.held_out)
    for one in comparison.bias:
        title = f"{one.metric}, {one.facet} = {one.group} ({one.rows} rows)"
        lines.append(_row(title, one.champion, one.challenger, one.limit))
    latency = comparison.latency_ms
    if latency.challenger is not None:
        lines.append(_row("ms to score a row, median", latency.champion, latency.challenger))
    if interval := comparison.interval:
        span = f"{interval.low:+.4f} and {interval.high:+.4f} at {interval.confidence:.0%} confidence"
        asked = f"above {comparison.minimum_gain:g} was asked for"
        lines += ["", f"The gain in {comparison.metric} lies between {span}; {asked}."]
    shown = [f"[{_quoted(text)}]({target})" for text, target in links.items() if target.startswith("http")]
    shown += [f"{_quoted(text)}: `{target}`" for text, target in links.items() if target.startswith("s3://")]
    return "\n".join([*lines, "", *(f"* {line}" for line in shown)])


def _figures(title: str, told: OnRows | None) -> list[str]:
    if told is None:
        return []
    return [
        _row(f"{name}, {told.rows} {title}", told.champion.get(name), value)
        for name, value in sorted(told.challenger.items())
    ]


def _row(title: str, champion: float | None, challenger: float | None, limit: float | None = None) -> str:
    cells = ("" if value is None else f"{value:.4f}" for value in (champion, challenger))
    return f"| {_quoted(title)} | {' | '.join(cells)} | {'' if limit is None else f'{limit:g}'} |"


def _quoted(text: str) -> str:
    # Values of facets come from data, and may hold anything.
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|" else " " if sign in "\r\n" else sign for sign in text)


def _person(user: Any) -> str:
    if not isinstance(user, Mapping):
        return str(user or "somebody")
    name, identity = str(user.get("name") or ""), str(user.get("id") or "")
    return name if name == identity or not identity else f"{name or 'somebody'} ({identity})"
