"""Bring the metadata database's tables to what the installed Airflow expects, and skip it when they are.

``airflow db migrate`` costs 8 to 15 seconds even when there is nothing to do, nearly all of it imports. So the
revision it left is remembered together with Airflow's version, and compared with the one in the database: a database
that was replaced, or an Airflow that was upgraded, is migrated again.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version

from onemachine import postgres
from onemachine.credentials import Credentials
from onemachine.errors import ComponentError
from onemachine.settings import Settings

LIMIT_SECONDS = 300.0
POLL_SECONDS = 0.1


def migrate_if_needed(
    settings: Settings,
    credentials: Credentials,
    variables: Mapping[str, str],
    say: Callable[[str], None],
    *,
    meanwhile: Callable[[], None],
) -> bool:
    """Run ``airflow db migrate`` unless the tables are known to fit.

    Args:
        settings: The stack.
        credentials: The database's password is among them.
        variables: Environment of the command.
        say: Progress.
        meanwhile: Called again and again while the command runs; what it raises ends the command.

    Returns:
        Whether it ran.

    Raises:
        ComponentError: It failed; the log's end says why.
    """
    stamp = settings.airflow_home / "migrated.json"
    installed = version("apache-airflow")
    revision = postgres.schema_revision(settings, credentials)
    if revision and stamp.exists() and stamp.read_text() == _stamp(installed, revision):
        return False
    began = time.monotonic()
    log = settings.logs / "migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        command = subprocess.Popen(
            [str(settings.python), "-P", "-m", "airflow", "db", "migrate"],
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while command.poll() is None and time.monotonic() - began < LIMIT_SECONDS:
                meanwhile()
                time.sleep(POLL_SECONDS)
        finally:
            command.kill()
            command.wait()
    if command.returncode:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ComponentError(f"`airflow db migrate` ended with code {command.returncode}. The end of {log}:\n{end}")
    revision = postgres.schema_revision(settings, credentials)
    stamp.write_text(_stamp(installed, revision or ""))
    say(f"  {'db migrate':<14} done after  {time.monotonic() - began:5.1f} s")
    return True


def _stamp(installed: str, revision: str) -> str:
    return json.dumps({"airflow": installed, "revision": revision})
