"""How every command ends: with a code, and never with a traceback for what was foreseen."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable

from endpointwatch.errors import EndpointWatchError

#: The command did its work.
DONE = 0
#: It did, and found violations.
VIOLATIONS = 1
#: It could not: wrong arguments, or files that cannot be read.
FAILED = 2


def parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"python -m endpointwatch {prog}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def ended(work: Callable[[], int]) -> int:
    """The exit code of ``work``; its foreseen errors go to standard error, as its progress does."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    # A monitor's remarks on single columns are for a job's log; here they would stand between a table and its reader.
    logging.getLogger("endpointwatch.monitors").setLevel(logging.WARNING)
    try:
        return work()
    except EndpointWatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. What is still in the buffer must not fail a second time at the end.
        sys.stdout = None
        return DONE
