"""Rows of cells as text in columns, for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def in_columns(rows: Iterable[Sequence[str]], *, right: Collection[str] = ()) -> str:
    """The rows below each other, each column as wide as its longest cell.

    Args:
        rows: The titles first; all as long as they are.
        right: Titles of the columns that are set to the right.
    """
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    to_right = [title in right for title in lines[0]]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right_hand else cell.ljust(width)
            for cell, width, right_hand in zip(line, widths, to_right, strict=True)
        ).rstrip()
        for line in lines
    )
