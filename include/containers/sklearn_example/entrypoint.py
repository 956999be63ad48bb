"""The container's entry point: ``train``, ``serve``, ``evaluate`` or ``score --model DIR --input CSV``."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

# Run as a file, in the image as on a developer's machine: the package's own root must be importable.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# One request is a handful of rows: a thread pool per prediction costs more than it brings, and requests are threaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("train", help="fit a model on the channel `train`")
    commands.add_parser("serve", help="answer /ping and /invocations")
    commands.add_parser("evaluate", help="compare models on labelled rows, as a processing job")
    scoring = commands.add_parser("score", help="score a CSV file with a header")
    scoring.add_argument("--model", type=Path, required=True, metavar="DIR")
    scoring.add_argument("--input", type=Path, required=True, metavar="CSV")
    options = parser.parse_args(arguments)

    from containers.sklearn_example import contract  # noqa: PLC0415 - importable from here on

    try:
        run(options)
    except contract.InputError as error:
        return _failed(options.command, str(error), ending=contract.FINAL)
    except Exception as error:  # noqa: BLE001 - whatever it is, the job's FailureReason must say it
        traceback.print_exc()
        return _failed(options.command, f"{type(error).__name__}: {error}")
    return 0


def run(options: argparse.Namespace) -> None:
    """Run one command."""
    # Imported where used: serving must not wait for what only training needs.
    match options.command:
        case "train":
            from containers.sklearn_example import training  # noqa: PLC0415 - see above

            training.train()
        case "serve":
            from containers.sklearn_example import serving  # noqa: PLC0415 - see above

            serving.serve()
        case "evaluate":
            from containers.sklearn_example import evaluation  # noqa: PLC0415 - see above

            evaluation.evaluate()
        case "score":
            from containers.sklearn_example import evaluation  # noqa: PLC0415 - see above

            evaluation.score(options.model, options.input)


def _failed(command: str, reason: str, *, ending: str = "") -> int:
    from containers.sklearn_example import contract  # noqa: PLC0415 - importable from here on

    print(f"ERROR {reason}", file=sys.stderr, flush=True)
    if command in ("train", "evaluate"):
        contract.fail(reason, ending=ending)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
