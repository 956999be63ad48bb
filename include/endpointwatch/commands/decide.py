"""``python -m endpointwatch decide``: why a decision is as it is, and what another policy would have done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from endpointwatch.commands.shell import DONE, ended, parser
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.loader import load
from endpointwatch.config.window import Window
from endpointwatch.decisions import (
    ActionRecord,
    Decision,
    Standing,
    containing,
    decide,
    evidence_windows,
    incidents_of,
    permit,
)
from endpointwatch.decisions.simulation import simulate
from endpointwatch.decisions.told import explained, replayed
from endpointwatch.errors import PlanError, WindowError
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.stored import stored_windows
from endpointwatch.reports.verdict import Verdict

DESCRIPTION = """\
Decide on stored verdicts by the rules of an endpoint's file. Nothing is started and nothing is written.

--explain shows one decision: the verdicts it sees, every rule with what became of it, and what the guards (age, quiet
hours, cooldown, budget, alerts) make of it. --replay goes over all windows on record as if each had just ended, and
shows incidents, actions, and what would have been held back: try another `decision` section on a copy of the file.
"""
EXAMPLES = """\
examples:
  # the results of an endpoint, copied from S3 once
  aws s3 sync s3://bucket/results/loans results --exclude "*" --include "*/verdict.json" --include "actions/2*" \\
      --include "deployments/*"

  # why the latest window was answered as it was
  python -m endpointwatch decide --explain --endpoint include/endpoints/loans.yaml --results results

  # the decision on one window, as it stood an hour later
  python -m endpointwatch decide --explain --endpoint include/endpoints/loans.yaml --results results \\
      --window 2026/03/01/14 --now 2026-03-01T16:00:00Z

  # what last month would have been like with another policy
  python -m endpointwatch decide --replay --endpoint mine.yaml --results results --training-minutes 45

exit codes: 0 shown, whatever was decided; 2 wrong arguments, or files that cannot be read
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    endpoint = load(options.endpoint)
    verdicts = _verdicts(options.results, endpoint)
    if options.replay:
        training, delay = timedelta(minutes=options.training_minutes), timedelta(minutes=options.delay_minutes)
        simulation = simulate(verdicts, endpoint, delay=delay, training=training)
        sys.stdout.write(simulation.to_json() if options.json else replayed(simulation))
        return DONE
    window = _window(options.window, verdicts)
    wanted = set(evidence_windows(window, endpoint.rules))
    decision = decide([verdict for verdict in verdicts if verdict.window in wanted], endpoint.rules)
    fired = decision.fired
    known = [verdict for verdict in verdicts if verdict.window.end <= window.end]
    incidents = incidents_of(known, fired.rule, endpoint.decision.incidents) if fired else ()
    now = options.now or window.end
    permission = permit(
        decision,
        endpoint,
        [record for record in _history(options.results) if record.started_at <= now],
        now=now,
        standing=_standing(options.results, decision),
        incident=containing(incidents, [weighed.window for weighed in fired.windows]) if fired else None,
    )
    sys.stdout.write(decision.to_json() + permission.to_json() if options.json else explained(decision, permission))
    return DONE


def _verdicts(results: Path, endpoint: Endpoint) -> tuple[Verdict, ...]:
    """The stored verdicts of the monitors that the file has.

    Raises:
        WindowError: There is none, or one cannot be read.
        PlanError: They are of another endpoint.
    """
    folders = [results / monitor.kind for monitor in endpoint.monitors if (results / monitor.kind).is_dir()]
    if not folders:
        names = ", ".join(monitor.kind for monitor in endpoint.monitors)
        raise WindowError(
            f"{results} holds none of {names}. Name the endpoint's folder of results; copied from S3: "
            "aws s3 sync <results_uri>/<endpoint> <folder>"
        )
    found = tuple(v for folder in folders for one in stored_windows(folder) if (v := one.verdict()) is not None)
    if others := sorted({verdict.endpoint for verdict in found} - {endpoint.name}):
        raise PlanError(f"{results} holds verdicts on {', '.join(others)}, but the file is of {endpoint.name}.")
    return found


def _window(asked: str | None, verdicts: Sequence[Verdict]) -> Window:
    windows = {verdict.window for verdict in verdicts}
    if asked is None:
        return max(windows, key=lambda window: (window.end, window.start))
    window = Window.at(asked)
    if window is None or window not in windows:
        raise PlanError(f"--window {asked}: there is no verdict on it. Write its folder's name, as 2026/03/01/14.")
    return window


def _history(results: Path) -> tuple[ActionRecord, ...]:
    """The records of actions that were copied along; none without the folder."""
    paths = sorted((results / "actions").glob("[0-9]*/*/*/*.json"))
    try:
        return tuple(ActionRecord.model_validate_json(path.read_bytes()) for path in paths)
    except ValueError as error:
        raise PlanError(f"{results / 'actions'} holds a file that is no record of an action: {error}") from error


def _standing(results: Path, decision: Decision) -> Standing:
    """By the records of deployments that were copied along; without any, as if the decision's version served."""
    paths = sorted((results / "deployments").glob("*.json"))
    try:
        found = [Deployment.model_validate_json(path.read_bytes()) for path in paths]
    except ValueError as error:
        raise PlanError(f"{results / 'deployments'} holds a file that is no record of a deployment: {error}") from error
    return Standing.of(found) if found else Standing(decision.model_version)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    asked = parser("decide", DESCRIPTION, EXAMPLES)
    what = asked.add_mutually_exclusive_group(required=True)
    what.add_argument("--explain", action="store_true", help="one decision, and why it is as it is")
    what.add_argument("--replay", action="store_true", help="what would have happened on all windows on record")
    asked.add_argument("--endpoint", type=Path, required=True, metavar="FILE", help="the endpoint's YAML file")
    asked.add_argument(
        "--results", type=Path, required=True, metavar="FOLDER", help="its results: <monitor>/<yyyy>/<mm>/<dd>/<hh>/…"
    )
    one = asked.add_argument_group("with --explain")
    one.add_argument("--window", metavar="WINDOW", help="its folder's name, as 2026/03/01/14 (default: the latest)")
    one.add_argument(
        "--now", type=_moment, metavar="TIME", help="when the guards are asked (default: the window's end)"
    )
    every = asked.add_argument_group("with --replay")
    every.add_argument(
        "--training-minutes", type=float, default=30.0, metavar="N", help="what a training takes (default: %(default)g)"
    )
    every.add_argument(
        "--delay-minutes",
        type=float,
        default=5.0,
        metavar="N",
        help="from a window's end to its decision (%(default)g)",
    )
    asked.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return asked


if __name__ == "__main__":
    raise SystemExit(main())
