"""What the pages to read (``report.html``) have in common: one file that needs nothing beside it, online or off."""

from __future__ import annotations

import math
from html import escape

#: Of a bar: as it should be, out of bounds, what it lies on, a mark.
CALM, ALARM, GROUND, MARK = "#0969da", "#cf222e", "#f6f8fa", "#1b1f24"
_STYLE = """\
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d8dee4}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tr.bad td{background:#fff1f0}
small,.said{color:#57606a}svg{vertical-align:middle}"""


def begin(title: str) -> list[str]:
    """The first lines of a page, its heading the last of them."""
    return [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>",
    ]


def end(lines: list[str]) -> str:
    """The whole page."""
    return "\n".join(lines) + "\n</html>\n"


def number(value: float | None) -> str:
    """Four digits; empty for None."""
    if value is None:
        return ""
    return "∞" if value == math.inf else "-∞" if value == -math.inf else f"{value:.4g}"


def quoted(text: str) -> str:
    """As the value of an attribute, its quotation marks included."""
    return f'"{escape(text, quote=True)}"'
