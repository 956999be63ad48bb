"""``python -m loanapp.demo``: the whole loop on one machine, from nothing to a quiet endpoint again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from endpointwatch.config.loader import load
from endpointwatch.errors import EndpointWatchError
from loanapp.applications import Applications
from loanapp.cloud import Cloud, split
from loanapp.history import HistoryError
from loanapp.loop import Loop, Row
from loanapp.progress import Reporter
from loanapp.runs import DemoError
from loanapp.story import ROWS, SEED, tell
from loanapp.traffic import TrafficError
from onemachine import stack
from onemachine.airflow_api import AirflowApi
from onemachine.errors import StackError

NAME = "loan-approval"
ENVIRONMENT = "PYTHONPATH=include .venv/bin/python -m onemachine env"
HEAD = ("stage", "DAG run", "job", "S3 location", "verdict")
ERRORS = (DemoError, TrafficError, HistoryError, StackError, EndpointWatchError, BotoCoreError, ClientError, ValueError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; 0 when everything it claims was found to be so, 1 with the reason when not."""
    chosen = parser().parse_args(arguments)
    reporter = Reporter.plain() if chosen.plain else Reporter()
    try:
        return play(chosen, reporter)
    except ERRORS as error:
        reporter.console.print()
        reporter.wrong(f"The demo stopped after {reporter.seconds:.0f} s: {error}")
        reporter.say("What runs stays up to be looked at. Logs of the components: `make logs`.")
        reporter.say("`make down` ends it; `make demo` starts over.")
        return 1
    except KeyboardInterrupt:
        reporter.wrong("Interrupted. What runs stays up; `make down` ends it.")
        return 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m loanapp.demo",
        description=(
            "Start everything anew on this machine and lead one endpoint once round the loop: train, deploy, capture, "
            "baseline, monitor, decide, retrain, redeploy, baseline again. Removes the state of earlier local runs."
        ),
    )
    command.add_argument("--rows", type=int, default=ROWS, help="applications an hour [%(default)s]")
    command.add_argument("--seed", type=int, default=SEED, help="of every draw of applications [%(default)s]")
    command.add_argument("--keep-going", action="store_true", help="note a claim that does not hold, and go on")
    command.add_argument("--plain", action="store_true", help="no colours and no bars, on a terminal too")
    return command


def play(chosen: argparse.Namespace, reporter: Reporter) -> int:
    """Start over, go round the loop, show the table."""
    anchor = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    story = tell(Applications.load(), anchor, seed=chosen.seed, rows=chosen.rows)
    reporter.chapter("Starting over: PostgreSQL, the local AWS, Airflow")
    stack.clean(say=reporter.say)
    running = stack.up(say=reporter.say)
    endpoint = load(running.settings.endpoints / f"{NAME}.yaml")
    with AirflowApi(running.airflow_url, running.login) as api:
        loop = Loop(api, Cloud(running.environment), endpoint, story, reporter, keep_going=chosen.keep_going)
        try:
            loop.play()
        finally:
            if loop.rows:
                _show(reporter, loop.rows, f"s3://{split(endpoint.results_uri)[0]}/", loop.results.monitors)
    user, password = running.login
    reporter.console.print()
    reporter.say(f"Airflow    {running.airflow_url}   login {user} / {password}")
    reporter.say(f'local AWS  {running.aws_url}   variables for a shell: eval "$({ENVIRONMENT})"')
    reporter.say("End it with `make down`.")
    for text in loop.broken:
        reporter.wrong(text)
    reporter.say(f"{'Done' if not loop.broken else 'Not as it should be'} after {reporter.seconds:.0f} s.")
    return 1 if loop.broken else 0


def _show(reporter: Reporter, rows: Sequence[Row], bucket: str, monitors: Sequence[str]) -> None:
    told = [(row.stage, row.dag_run, row.job, row.location.removeprefix(bucket), row.verdict) for row in rows]
    reporter.table(f"What happened (S3 locations below {bucket})", HEAD, told)
    judged = [(row.stage, *row.said) for row in rows if row.said]
    reporter.table("What each monitor said (in brackets: violations)", ("stage", *monitors), judged)


if __name__ == "__main__":
    sys.exit(main())
