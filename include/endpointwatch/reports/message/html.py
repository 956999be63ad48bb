"""A message as a small HTML e-mail: no script, no picture, no style sheet that a mail program would drop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from endpointwatch.reports.message.message import Figure, Link, Message, number
from endpointwatch.reports.message.text import moment, subject

_COLOURS = {"info": "#2b6cb0", "warning": "#b7791f", "critical": "#c53030"}
_CELL = "padding:2px 12px 2px 0;text-align:left"


def as_html(message: Message) -> str:
    """The whole page; whatever comes from data is escaped."""
    return "\n".join(_page(message)) + "\n"


def _page(message: Message) -> Iterator[str]:
    yield '<!doctype html>\n<html><head><meta charset="utf-8"></head>'
    yield '<body style="font-family:sans-serif;max-width:48em">'
    yield f'<h2 style="color:{_COLOURS[message.severity]}">{escape(subject(message))}</h2>'
    facts = [f"For: {escape(message.owner)} ({', '.join(message.audiences)})"]
    facts += [f"Since: {moment(message.since)}"] if message.since else []
    facts += [f"Model version: {escape(message.model_version)}"] if message.model_version else []
    yield f"<p>{'<br>'.join(facts)}</p>"
    yield from _section("What happened", map(escape, message.happened))
    if message.figures:
        yield "<h3>Numbers</h3>"
        yield from _table(message.figures)
    yield f"<h3>Likely cause</h3>\n<p>{escape(message.likely_cause)}</p>"
    yield f"<h3>What was done</h3>\n<p>{escape(message.done)}</p>"
    yield from _section("What to do next", (*map(escape, message.next_steps), _link(message.runbook)))
    if message.links:
        yield from _section("Links", map(_link, message.links))
    yield "</body></html>"


def _section(title: str, items: Iterable[str]) -> Iterator[str]:
    yield f"<h3>{title}</h3>\n<ul>"
    yield from (f"<li>{item}</li>" for item in items)
    yield "</ul>"


def _table(figures: Iterable[Figure]) -> Iterator[str]:
    heads = "".join(f'<th style="{_CELL}">{head}</th>' for head in ("", "now", "baseline", "distance", "limit"))
    yield f"<table><tr>{heads}</tr>"
    for figure in figures:
        about = f"{figure.about}, {figure.measure}" if figure.measure else figure.about
        values = (figure.current, figure.baseline, figure.distance, figure.limit)
        cells = [escape(about), *("" if value is None else number(value) for value in values)]
        yield "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"
    yield "</table>"


def _link(link: Link) -> str:
    if not link.opens:
        return f"{escape(link.title)}: <code>{escape(link.uri)}</code>"
    return f'<a href="{escape(link.uri)}">{escape(link.title)}</a>'
