"""``python -m pocketaws``: start the local AWS."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pocketaws import __version__
from pocketaws.isolation import WAYS
from pocketaws.settings import DEFAULT_IMAGES, Settings

EPILOG = """\
Every option can be given as an environment variable instead: --port as POCKETAWS_PORT, --max-jobs as
POCKETAWS_MAX_JOBS, and so on.

Point any AWS client at it:
  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=local
  aws sagemaker list-processing-jobs

SageMaker's jobs and endpoints really run, as processes of yours, with your rights: an image URI is looked up in the
file of images, and the command found there runs with an /opt/ml of its own. That keeps paths apart; it is no sandbox.
Everything else (S3, CloudWatch, Logs, SNS, SQS, EventBridge, ...) is answered by ministack, in the same process.
What is not emulated answers HTTP 501 and says so.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = argparse.ArgumentParser(
        prog="python -m pocketaws",
        description="An AWS for one machine, in which SageMaker really runs things.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def option(name: str, default: str, help_: str, **more: object) -> None:
        variable = "POCKETAWS_" + name.strip("-").replace("-", "_").upper()
        line.add_argument(name, default=os.environ.get(variable, default), help=f"{help_} [{default}]", **more)  # type: ignore[arg-type]

    option("--port", "4566", "TCP port", type=int)
    option("--host", "127.0.0.1", "address to listen on; nothing is authenticated, so keep it on loopback")
    option("--home", ".local/pocketaws", "folder of all state", type=Path, metavar="DIR")
    option("--images", str(DEFAULT_IMAGES), "JSON file: image URI pattern -> local command", type=Path, metavar="FILE")
    option("--max-jobs", "2", "jobs that run at once; more wait in a queue", type=int, metavar="N")
    option("--isolation", "auto", "how containers get their own /opt/ml", choices=["auto", *WAYS])
    option("--region", "us-east-1", "AWS region of every ARN")
    option("--account", "123456789012", "AWS account of every ARN; also the access key")
    option("--flush-seconds", "2", "longest wait of captured requests and endpoint metrics", type=float, metavar="S")
    option("--alarm-seconds", "2", "time between two evaluations of the alarms", type=float, metavar="S")
    option("--save-seconds", "15", "time between two snapshots of queues, rules, alarms, metrics, logs", type=float,
           metavar="S")  # fmt: skip
    line.add_argument("--version", action="version", version=f"pocketaws {__version__}")
    return line


def settings_of(arguments: Sequence[str] | None) -> Settings:
    """Settings from the command line, with the environment below it."""
    line = parser()
    given = line.parse_args(arguments)
    if given.max_jobs < 1:
        line.error("--max-jobs must be at least 1")
    if not 1 <= given.port <= 65535:  # noqa: PLR2004 - the range of TCP ports
        line.error("--port must be between 1 and 65535")
    return Settings(**{**vars(given), "home": given.home.resolve(), "images": given.images.resolve()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        Exit code: 0 after a signal, 2 when it could not start.
    """
    settings = settings_of(arguments)
    # The package reads the environment and imports the base emulator from here on.
    from pocketaws import front  # noqa: PLC0415

    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        lock = _locked(settings.home)
        listener = front.listen(settings)
        front.prepare_environment(settings)
        asyncio.run(front.serve(settings, listener, _announce))
    except (front.PortInUse, HomeInUse, ValueError) as error:
        print(f"pocketaws: {error}", file=sys.stderr)
        return 2
    lock.close()
    print("pocketaws: stopped; state saved", flush=True)
    return 0


class HomeInUse(Exception):  # noqa: N818 - printed to the user, with the remedy
    """Another process works on the same state."""


def _locked(home: Path) -> IO[str]:
    file = (home / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        raise HomeInUse(
            f"The state in {home} is in use by the process {file.read().strip() or 'of another user'}. Stop it, or "
            "choose another folder with --home or POCKETAWS_HOME."
        ) from error
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file


def _announce(world: object) -> None:
    from pocketaws.world import World  # noqa: PLC0415 - for its attributes only

    assert isinstance(world, World)  # noqa: S101 - told by front.serve
    settings = world.settings
    print(
        f"pocketaws {__version__} is ready\n"
        f"  URL        {settings.url}  (region {settings.region}, account {settings.account})\n"
        f"  isolation  {world.isolation.way}\n"
        f"  jobs       {settings.max_jobs} at once\n"
        f"  images     {settings.images}\n"
        f"  state      {settings.home}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
