"""``python -m onemachine``: the command behind ``make up``, ``make down`` and their like."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn, TextIO

from onemachine import environment, stack
from onemachine.airflow_api import AirflowApi
from onemachine.components import NAMES
from onemachine.errors import StackError
from onemachine.settings import LOGIN, VARIABLES, VIEWER_LOGIN, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 with the reason on stderr when not."""
    chosen = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)  # as Ctrl-C: what was started is ended again
    try:
        command: Callable[[argparse.Namespace], int] = chosen.run
        return command(chosen)
    except StackError as error:
        _print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        _print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
    return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    settings = "\n".join(f"  {name:<30}{what} [{default}]" for name, (default, what) in VARIABLES.items())
    top = argparse.ArgumentParser(
        prog="python -m onemachine",
        description="EndpointWatch on one machine: PostgreSQL, the local AWS, and Airflow's api-server, scheduler,\n"
        "dag-processor and triggerer, as ordinary processes bound to 127.0.0.1.",
        epilog=f"environment variables [default]:\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], what: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=what, description=what)
        added.set_defaults(run=run)
        return added

    command("up", _up, "start whatever does not run and wait until all of it is ready")
    command("down", _down, "end every process of the stack; keeps the data")
    command("status", _status, "say how each component is; exit code 0 when all are ready, 3 when not")
    command("restart", _restart, "down, then up; needed after changes to plugins/ or to the local AWS")
    command("clean", _clean, "down, then remove everything that the stack has written")
    logs = command("logs", _logs, "print the last lines of the components' logs")
    logs.add_argument("component", nargs="*", metavar="COMPONENT", help=f"one of {', '.join(NAMES)}; default: all")
    logs.add_argument("-n", "--lines", type=int, default=20, help="lines of each component [20]")
    logs.add_argument("-f", "--follow", action="store_true", help="go on printing until Ctrl-C")
    command("env", _env, 'print the variables of the running stack for a shell: eval "$(python -m onemachine env)"')
    token = command("token", _token, "print a bearer token for Airflow's REST API")
    token.add_argument("--viewer", action="store_true", help="of the user who may only look")
    return top


def _up(_: argparse.Namespace) -> int:
    running = stack.up()
    _print(f"\nAirflow    {running.airflow_url}   login {LOGIN[0]} / {LOGIN[1]}, or {' / '.join(VIEWER_LOGIN)}")
    _print(f"local AWS  {running.aws_url}   (AWS_ENDPOINT_URL)")
    _print("End it with `make down`.")
    return 0


def _down(_: argparse.Namespace) -> int:
    stack.down()
    return 0


def _clean(_: argparse.Namespace) -> int:
    stack.clean()
    return 0


def _restart(_: argparse.Namespace) -> int:
    stack.restart()
    return 0


def _status(_: argparse.Namespace) -> int:
    rows = stack.status()
    for row in rows:
        word = "ready" if row.ready else "not running" if row.pid is None else "not ready"
        detail = f"pid {row.pid:<8} up {_age(row.seconds):<8} {row.place}" if row.pid else ""
        _print(f"{row.name:<14} {word:<12} {detail}".rstrip())
    return 0 if all(row.ready for row in rows) else 3


def _age(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def _logs(chosen: argparse.Namespace) -> int:
    settings = Settings.read()
    unknown = [name for name in chosen.component if name not in NAMES]
    if unknown:
        raise StackError(f"No component {unknown[0]!r}; there are {', '.join(NAMES)}.")
    files = {name: settings.logs / f"{name}.log" for name in chosen.component or NAMES}
    position: dict[str, int] = {}
    for name, file in files.items():
        text = file.read_bytes() if file.exists() else b""
        position[name] = len(text)
        for line in text.decode(errors="replace").splitlines()[-chosen.lines :]:
            _print(f"{name:<14}| {line}")
    while chosen.follow:
        time.sleep(0.3)
        for name, file in files.items():
            if file.exists() and file.stat().st_size != position[name]:
                with file.open("rb") as stream:
                    stream.seek(position[name] if file.stat().st_size > position[name] else 0)
                    fresh = stream.read()
                    position[name] = stream.tell()
                for line in fresh.decode(errors="replace").splitlines():
                    _print(f"{name:<14}| {line}")
    return 0


def _env(_: argparse.Namespace) -> int:
    _print(environment.shell_lines(stack.attach().environment, os.environ))
    return 0


def _token(chosen: argparse.Namespace) -> int:
    running = stack.attach()
    with AirflowApi(running.airflow_url, VIEWER_LOGIN if chosen.viewer else LOGIN) as api:
        _print(api.token())
    return 0


def _print(text: object, *, file: TextIO | None = None) -> None:
    (file or sys.stdout).write(f"{text}\n")
    (file or sys.stdout).flush()


def _interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
