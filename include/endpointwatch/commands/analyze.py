"""``python -m endpointwatch analyze``: Model Monitor's report on a file, for people."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from endpointwatch.commands.forms import FORMATS, dataset_format, recognised
from endpointwatch.commands.shell import DONE, VIOLATIONS, ended, parser
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.section import Switch
from endpointwatch.errors import BaselineError
from endpointwatch.jobs import analysis
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.tables import read_baseline
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.findings import Distance, Findings
from endpointwatch.reports import files
from endpointwatch.reports.columns import in_columns
from endpointwatch.states import Column, Table
from endpointwatch.states.file import STATE_FILE, read

DESCRIPTION = """\
Analyse a data set as Model Monitor does: types, missing values, moments, drift and broken constraints. Prints a table;
with --output also writes AWS's files (statistics.json, constraints.json, with --baseline constraint_violations.json)
and the state. Progress goes to standard error.
"""
EXAMPLES = """\
examples:
  # learn: what is in the training data, and which constraints does it suggest?
  python -m endpointwatch analyze train.csv --output baseline

  # check: does today's traffic keep them?
  python -m endpointwatch analyze today.csv --baseline baseline --output report

  # captured traffic, as SageMaker wrote it, against AWS's own baseline, counted as AWS counts
  python -m endpointwatch analyze capture/AllTraffic/2026/03/01 --baseline baseline --aws-compatible

exit codes: 0 no violations, or no baseline to break; 1 violations; 2 wrong arguments, or data that cannot be read
"""
_NUMBERS = ("missing", "mean", "std dev", "min", "max", "distinct", "distance", "limit", "p-value", "effect")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser("analyze", DESCRIPTION, EXAMPLES)
    asked.add_argument("data", type=Path, help="a file, or a folder of files")
    asked.add_argument(
        "--baseline", type=Path, metavar="FOLDER", help="constraints.json, and statistics.json for drift; ours or AWS's"
    )
    asked.add_argument("--output", type=Path, metavar="FOLDER", help="where the files go (default: none are kept)")
    asked.add_argument(
        "--format",
        choices=FORMATS,
        help="capture is what SageMaker captured; default: what the first file's suffix and first line say",
    )
    asked.add_argument("--no-header", action="store_true", help="CSV files begin with data; columns are _c0, _c1, …")
    asked.add_argument(
        "--aws-compatible", action="store_true", help="count as AWS's analyzer does, blind spots included"
    )
    options = asked.parse_args(arguments)
    return ended(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    if options.output is not None:
        return _analysed(options, options.output)
    with tempfile.TemporaryDirectory(prefix="endpointwatch-") as folder:
        return _analysed(options, Path(folder))


def _analysed(options: argparse.Namespace, output: Path) -> int:
    aws: Switch = "Enabled" if options.aws_compatible else "Disabled"
    form = dataset_format(options.format or recognised(options.data), header=not options.no_header)
    environment = {
        "dataset_source": str(options.data.absolute()),
        "dataset_format": json.dumps(form),
        "output_path": str(output.absolute()),
        "aws_compatible": aws,
    }
    constraints, statistics = _baseline(options.baseline) if options.baseline else (None, None)
    if constraints is not None:
        environment["baseline_constraints"] = str(constraints)
    if statistics is not None:
        environment["baseline_statistics"] = str(statistics)
    # The same entry as a job's, so that a shell and a container cannot come to say different things.
    violations = analysis.run(Container(output, environment))
    state = read(output / STATE_FILE)
    findings: Findings | None = None
    if constraints is not None:
        baseline = read_baseline(constraints, statistics)
        findings = data_quality.check(state, baseline, DataQuality(aws_compatible=aws))
    sys.stdout.write(report(state, findings))
    if options.output is not None:
        print(f"Written to {options.output}: {', '.join(sorted(path.name for path in output.iterdir()))}")
    return VIOLATIONS if violations else DONE


def report(state: Table, findings: Findings | None) -> str:
    """The table, a line a column, and the violations.

    Args:
        state: Of the data.
        findings: Of the check against a baseline; None without one.
    """
    measured = {distance.feature_name: distance for distance in findings.distances} if findings else {}
    titles: tuple[str, ...] = ("feature", "type", "missing", "mean", "std dev", "min", "max", "distinct")
    titles += ("distance", "limit", "p-value", "effect", "") if measured else ()
    lines: list[tuple[str, ...]] = [titles]
    for name, column in zip(state.names, state.columns, strict=True):
        lines.append((name, *_described(column), *(_compared(measured.get(name)) if measured else ())))
    return "\n".join([in_columns(lines, right=_NUMBERS), "", *_conclusion(state, findings), ""])


def _conclusion(state: Table, findings: Findings | None) -> Iterator[str]:
    size = f"{_count(state.rows, 'row')}, {_count(len(state.names), 'column')}"
    if findings is None:
        yield f"{size}. No baseline, so nothing was checked."
        return
    if not findings.violations:
        yield f"{size}. All constraints hold."
        return
    yield f"{size}. {_count(len(findings.violations), 'violation')}:"
    for violation in findings.violations:
        yield f"  {violation.about}: {violation.constraint_check_type}: {violation.description}"


def _described(column: Column) -> tuple[str, ...]:
    moments, spread = column.moments, column.moments.std_dev
    numbers: tuple[str, ...] = ("", "", "", "")
    if column.inferred_type in ("Integral", "Fractional") and moments.n and spread is not None:
        numbers = (_short(moments.mean), _short(spread), _short(moments.low), _short(moments.high))
    missing = f"{1 - column.completeness:.1%}" if column.missing else "0"
    return column.inferred_type, missing, *numbers, str(column.distinct.estimate)


def _compared(distance: Distance | None) -> tuple[str, ...]:
    if distance is None:
        return ("", "", "", "", "")
    chance = "" if distance.p_value is None else f"{distance.p_value:.2g}"
    effect = "" if distance.effect_size is None else f"{distance.effect_size:.2f}"
    mark = "drift" if distance.exceeded else ""
    return f"{distance.distance:.3f}", f"{distance.threshold:g}", chance, effect, mark


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _short(number: float) -> str:
    return f"{number:.5g}"


def _baseline(folder: Path) -> tuple[Path | None, Path | None]:
    constraints, statistics = folder / files.CONSTRAINTS, folder / files.STATISTICS
    if not constraints.is_file():
        raise BaselineError(
            f"{folder} holds no {files.CONSTRAINTS}. Learn a baseline: python -m endpointwatch analyze train.csv "
            f"--output {folder}"
        )
    return constraints.absolute(), statistics.absolute() if statistics.is_file() else None


if __name__ == "__main__":
    raise SystemExit(main())
