"""What the demo shows while it plays: colours and bars on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

PLAIN_WIDTH = 240
PLAIN_STEPS = 4
COLOURS = {"OK": "green", "VIOLATIONS": "red", "PROVISIONAL": "yellow"}


@dataclass
class Reporter:
    """Chapters, sentences, bars and a table on one console.

    Attributes:
        console: Rich's; on anything but a terminal it writes plain text, and bars become a few lines.
    """

    console: Console = field(default_factory=lambda: Console(highlight=False))
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def plain(cls) -> Reporter:
        """No colours and no bars, on a terminal too."""
        return cls(Console(highlight=False, no_color=True, force_terminal=False, width=PLAIN_WIDTH))

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{self._clock()}  {escape(title)}[/bold]")

    def say(self, text: str) -> None:
        self.console.print(f"         {text}", markup=False, soft_wrap=True)

    def well(self, text: str) -> None:
        """A claim that was looked at and holds."""
        self.console.print(f"       [green]✓[/green] {escape(text)}", soft_wrap=True)

    def wrong(self, text: str) -> None:
        """A claim that does not hold."""
        self.console.print(f"       [red]✗[/red] {escape(text)}", soft_wrap=True)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar; the block calls what it is given with the number of steps done since the last call."""
        if self.console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("     {task.description}"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, TimeElapsedColumn(), console=self.console, transient=True) as progress:
                task = progress.add_task(escape(label), total=total)
                yield lambda steps: progress.advance(task, steps)
        else:
            done = 0

            def advance(steps: int) -> None:
                nonlocal done
                before, done = done, done + steps
                if done * PLAIN_STEPS // max(total, 1) > before * PLAIN_STEPS // max(total, 1):
                    self.say(f"{label}: {done} of {total}")

            yield advance

    @contextmanager
    def waiting(self, label: str) -> Iterator[Callable[[str], None]]:
        """Something that takes a while; the block tells where it is."""
        if self.console.is_terminal:
            with self.console.status(f"     {escape(label)}") as status:
                yield lambda text: status.update(f"     {escape(f'{label}: {text}')}")
        else:
            told = ""

            def tell(text: str) -> None:
                nonlocal told
                if text != told:
                    told = text
                    self.say(f"{label}: {text}")

            yield tell

    def table(self, title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Cells that are verdicts get their colour."""
        table = Table(title=escape(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
        for name in head:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*map(_coloured, row))
        self.console.print()
        self.console.print(table)

    def _clock(self) -> str:
        minutes, seconds = divmod(int(self.seconds), 60)
        return f"{minutes:2d}:{seconds:02d}"


def _coloured(cell: str) -> str:
    colour = next((value for key, value in COLOURS.items() if cell.startswith(key)), "")
    return f"[{colour}]{escape(cell)}[/{colour}]" if colour else escape(cell)
