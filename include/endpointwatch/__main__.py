"""``python -m endpointwatch``: what the engine can be asked to do from a shell."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from endpointwatch import __version__
from endpointwatch.commands import analyze, decide, drift, merge_states, replay
from endpointwatch.config import reference, schema
from endpointwatch.jobs import __main__ as jobs

COMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "jobs": ("run the analysis that a processing job's environment describes", jobs.main),
    "analyze": ("report on a file of data, alone or against a baseline", analyze.main),
    "replay": ("judge stored windows again under other thresholds, methods or constraints", replay.main),
    "decide": ("explain a decision on stored windows, or replay what another policy would have done", decide.main),
    "merge-states": ("one report from many stored states: a day is the sum of its hours", merge_states.main),
    "drift": ("compare an endpoint's file with its live configuration", drift.main),
    "reference": ("print the reference page of the endpoints' YAML files", reference.main),
    "schema": ("print the JSON schema of the endpoints' YAML files", schema.main),
}


def main(arguments: Sequence[str] | None = None) -> int:
    listing = "\n".join(f"  {name:<14}{text}" for name, (text, _) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m endpointwatch",
        description=f"EndpointWatch {__version__}, the engine.\n\ncommands:\n{listing}",
        epilog="`python -m endpointwatch <command> --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the command's own arguments")
    options = parser.parse_args(arguments)
    return COMMANDS[options.command][1](options.arguments)


if __name__ == "__main__":
    raise SystemExit(main())
