"""``python -m endpointwatch replay``: judge stored windows again under other settings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from endpointwatch.commands.shell import DONE, ended, parser
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.replay import Changes
from endpointwatch.errors import PlanError
from endpointwatch.jobs.cores import cores
from endpointwatch.jobs.replay import Baselines, replay
from endpointwatch.reports.replay import table
from endpointwatch.reports.stored import stored_windows

DESCRIPTION = """\
Judge the windows on record again, from their stored states: how many violations would there have been with other
thresholds, methods or constraints? No raw data is read. Prints a line a window and a summary.
"""
EXAMPLES = """\
examples:
  # the results of an endpoint, copied from S3 once
  aws s3 sync s3://bucket/results/loans results

  # the last 48 windows, each against the baseline of its own model version, with a higher limit
  python -m endpointwatch replay --states results/data_quality --baselines results/baselines --threshold 0.2 --last 48

  # against constraints edited by hand; only what differs
  python -m endpointwatch replay --states results/data_quality --constraints mine.json --statistics statistics.json \\
      --changed

  # had the windows been days: a day's state is the sum of its hours'
  python -m endpointwatch replay --states results/data_quality --baselines results/baselines --window day

exit codes: 0 replayed, whatever was found; 2 wrong arguments, or files that cannot be read
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    if (options.constraints is None) == (options.baselines is None):
        raise PlanError("Give either --constraints (one baseline for all) or --baselines (one a model version).")
    if options.statistics is not None and options.constraints is None:
        raise PlanError("--statistics belongs to --constraints; below --baselines each version has its own.")
    replayed = replay(
        stored_windows(options.states, options.last),
        Baselines(options.constraints, options.statistics, options.baselines),
        DataQuality(),
        _changes(options),
        span=options.window,
        workers=options.workers,
    )
    sys.stdout.write(replayed.to_json() if options.json else table(replayed, changed_only=options.changed))
    return DONE


def _changes(options: argparse.Namespace) -> Changes:
    try:
        return Changes(
            comparison_threshold=options.threshold,
            comparison_method=options.method,
            categorical_comparison_threshold=options.categorical_threshold,
            categorical_drift_method=options.categorical_method,
            datatype_check_threshold=options.datatype_threshold,
            domain_content_threshold=options.domain_threshold,
            minimum_rows=options.minimum_rows,
            benjamini_hochberg="Enabled" if options.false_discovery_rate is not None else None,
            false_discovery_rate=options.false_discovery_rate,
            aws_compatible="Enabled" if options.aws_compatible else None,
        )
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_url=False))
        raise PlanError(f"A setting is out of its range: {faults}.") from error


def _parser() -> argparse.ArgumentParser:
    asked = parser("replay", DESCRIPTION, EXAMPLES)
    asked.add_argument(
        "--states", type=Path, required=True, metavar="FOLDER", help="a monitor's results: <yyyy>/<mm>/<dd>/<hh>/…"
    )
    asked.add_argument("--last", type=_positive, metavar="N", help="only the latest N windows on record")
    asked.add_argument(
        "--window",
        choices=("stored", "day", "week"),
        default="stored",
        help="judge windows as they are stored, or added up by UTC day or by week from Monday (default: %(default)s)",
    )
    against = asked.add_argument_group("held against")
    against.add_argument("--baselines", type=Path, metavar="FOLDER", help="<model version>/data_quality/ below it")
    against.add_argument("--constraints", type=Path, metavar="FILE", help="one constraints.json for all windows")
    against.add_argument("--statistics", type=Path, metavar="FILE", help="the statistics.json that belongs to it")
    changed = asked.add_argument_group("other settings", "what is not given stays as the constraints say")
    changed.add_argument("--threshold", type=float, metavar="X", help="comparison_threshold, of numbers")
    changed.add_argument("--categorical-threshold", type=float, metavar="X", help="categorical_comparison_threshold")
    changed.add_argument("--method", choices=("Robust", "Simple"), help="comparison_method")
    changed.add_argument("--categorical-method", choices=("LInfinity", "ChiSquared"), help="categorical_drift_method")
    changed.add_argument("--datatype-threshold", type=float, metavar="X", help="datatype_check_threshold")
    changed.add_argument("--domain-threshold", type=float, metavar="X", help="domain_content_threshold")
    changed.add_argument("--minimum-rows", type=int, metavar="N", help="fewer rows are not judged (default: 1)")
    changed.add_argument(
        "--false-discovery-rate", type=float, metavar="Q", help="switch Benjamini-Hochberg on, at this rate"
    )
    changed.add_argument("--aws-compatible", action="store_true", help="count as AWS's analyzer does")
    shown = asked.add_argument_group("output")
    shown.add_argument("--changed", action="store_true", help="only windows whose answer differs")
    shown.add_argument("--json", action="store_true", help="print JSON instead of the table")
    shown.add_argument(
        "--workers", type=_positive, default=cores(), metavar="N", help="processes (default: %(default)s)"
    )
    return asked


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
