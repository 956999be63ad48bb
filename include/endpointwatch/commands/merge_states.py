"""``python -m endpointwatch merge-states``: one report from many states, without raw data."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from endpointwatch.commands.shell import DONE, ended, parser
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.errors import WindowError
from endpointwatch.jobs.tables import write_report
from endpointwatch.states import Table
from endpointwatch.states.file import STATE_FILE, read

DESCRIPTION = """\
Add up stored states and write what a job over all their rows would have written: statistics.json, constraints.json
(suggested) and state.arrow. A day is the sum of its hours. Counts, means, ranges and the estimated numbers of distinct
values are those of all rows; quantiles are a sketch's, as they are of any large window.
"""
EXAMPLES = """\
examples:
  # 1 March 2026
  python -m endpointwatch merge-states results/data_quality/2026/03/01 --output 2026-03-01

  # learn a baseline from a good week of traffic
  python -m endpointwatch merge-states results/data_quality/2026/03/0[2-8] --output baseline

exit codes: 0 written; 2 no states, states of different columns, or files that cannot be read
"""
_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser("merge-states", DESCRIPTION, EXAMPLES)
    asked.add_argument(
        "states", type=Path, nargs="+", metavar="PATH", help=f"{STATE_FILE} files, or folders that hold them"
    )
    asked.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the files go")
    options = asked.parse_args(arguments)
    return ended(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    paths = list(dict.fromkeys(path for place in options.states for path in _files(place)))
    total = Table()
    for path in paths:
        try:
            total += read(path)
        except ValueError as error:
            raise WindowError(f"{path} cannot be added: {error}") from error
    write_report(options.output, total, DataQuality())
    print(f"{len(paths)} states, {total.rows} rows, {len(total.names)} columns: {options.output}")
    return DONE


def _files(place: Path) -> Iterator[Path]:
    found = sorted(place.rglob(STATE_FILE)) if place.is_dir() else [place]
    if not found:
        raise WindowError(f"There is no {STATE_FILE} below {place}. Name files, or folders that hold them.")
    yield from found


if __name__ == "__main__":
    raise SystemExit(main())
