"""The figures of one benchmark: printed as a table, kept as a section of ``RESULTS.md`` and as ``out/<name>.json``."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parents[1]
RESULTS = FOLDER / "RESULTS.md"
OUT = FOLDER / "out"


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of a benchmark found.

    Attributes:
        name: Of the benchmark; ``make bench-<name>``.
        title: Of its section.
        intro: What was measured, in Markdown.
        heads: The table's column heads; the first column is text, the others are numbers.
        rows: Its cells.
        notes: What a reader must know beside the table: peers left out, what differs between them.
        ratios: The figures that are compared; None where one side was not measured.
        more: Raw figures, under keys of their own.
    """

    name: str
    title: str
    intro: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    ratios: Mapping[str, float | None]
    more: Mapping[str, Any]


def show(report: Report) -> None:
    """Print the table and the ratios."""
    table = Table(title=report.title)
    for place, head in enumerate(report.heads):
        table.add_column(head, justify="right" if place else "left")
    for row in report.rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    for note in report.notes:
        console.print(f"- {note}", markup=False)
    for name, ratio in report.ratios.items():
        console.print(f"{name} = {'not measured' if ratio is None else f'{ratio:.2f}'}", highlight=False)


def keep(report: Report, *, date: str | None = None, results: Path = RESULTS, out: Path = OUT) -> None:
    """Write ``out/<name>.json``, and put the section into ``RESULTS.md`` in the place of the last one of that title.

    Args:
        report: What was found.
        date: When, as it is to be printed; None means today.
        results: The Markdown file.
        out: The folder of the JSON files.
    """
    out.mkdir(parents=True, exist_ok=True)
    document = {"ratios": dict(report.ratios), "machine": machine(), **report.more}
    (out / f"{report.name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    section = _section(report, date or f"{datetime.now(UTC):%Y-%m-%d}")
    text = results.read_text(encoding="utf-8") if results.is_file() else "# Figures\n"
    results.write_text(replaced(text, report.title, section), encoding="utf-8")


def replaced(text: str, title: str, section: str) -> str:
    """``text`` with ``section`` where a section of that title stands, or at its end."""
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    body = section.rstrip("\n") + "\n"
    if pattern.search(text):
        return pattern.sub(lambda _: body + "\n", text, count=1).rstrip("\n") + "\n"
    return text.rstrip("\n") + "\n\n" + body


def machine() -> str:
    """Cores, processor and Python, in one line."""
    return f"{os.cpu_count()} cores ({_processor()}), {platform.system()}, Python {platform.python_version()}"


def load() -> str:
    """What else ran: the average number of processes that wanted a core in the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _section(report: Report, date: str) -> str:
    heads = "| " + " | ".join(report.heads) + " |"
    rule = "|---|" + "---:|" * (len(report.heads) - 1)
    rows = ["| " + " | ".join(row) + " |" for row in report.rows]
    ratios = [
        f"- `{name}` = {'not measured' if ratio is None else f'{ratio:.2f}'}" for name, ratio in report.ratios.items()
    ]
    notes = [f"- {note}" for note in report.notes]
    parts = [f"## {report.title}", report.intro, "\n".join([heads, rule, *rows]), "\n".join(ratios)]
    parts += ["\n".join(notes)] if notes else []
    parts.append(f"{machine()}; {date}; load at the end {load()}.")
    return "\n\n".join(parts) + "\n"
