"""The environment variables that the components, and clients of the stack, are given.

The caller's own shell must not reach into the stack: a left-over ``AIRFLOW__CORE__EXECUTOR``, an ``AWS_PROFILE`` that
points to a real account or a ``PGHOST`` would change what is run, or where. So their kinds are held back, and only
names listed in ``ENDPOINTWATCH_PASS`` come through (for example ``AIRFLOW_CONN_SLACK_DEFAULT``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from onemachine.credentials import Credentials, write_private
from onemachine.settings import HOST, LOGIN, VIEWER_LOGIN, Settings

HELD_BACK = ("AIRFLOW_", "_AIRFLOW_", "AWS_", "BOTO_", "SAGEMAKER_", "SM_", "POCKETAWS_", "PG", "PYTHON")
HELD_BACK_NAMES = frozenset({"VIRTUAL_ENV", "FORCE_COLOR", "DATABASE_URL", "SQLALCHEMY_WARN_20", "PYTEST_CURRENT_TEST"})

MARK = "ENDPOINTWATCH_STACK"
"""Stands in the environment of every process of a stack, and of no other: `down` finds strays by it.

Not ``ENDPOINTWATCH_LOCAL_DIR``: a user may export that in the shell, and the shell must survive `make down`.
"""

REGION = "us-east-1"
ACCOUNT = "123456789012"


def clean(variables: Mapping[str, str], *, passed: tuple[str, ...] = ()) -> dict[str, str]:
    """The caller's variables without those that would leak into the stack."""
    return {
        name: value
        for name, value in variables.items()
        if name in passed or not (name.startswith(HELD_BACK) or name in HELD_BACK_NAMES or name == MARK)
    }


def aws(settings: Settings) -> dict[str, str]:
    """What points any AWS client at the local AWS."""
    return {
        "AWS_ENDPOINT_URL": settings.aws_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Without it every client on a machine without credentials waits seconds for EC2's metadata service.
        "AWS_EC2_METADATA_DISABLED": "true",
        # The user's ~/.aws may name profiles and endpoints of real accounts.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def airflow(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Airflow's whole configuration; there is no airflow.cfg to edit or to forget."""
    database = f"airflow:{credentials.postgres_password}@{HOST}:{settings.postgres_port}/airflow"
    return {
        "AIRFLOW_HOME": str(settings.airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.repository / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(settings.parallelism),
        # Two runs of a window DAG at once are enough for two cores; a backfill brings its own limit.
        "AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG": "4",
        "AIRFLOW__CORE__FERNET_KEY": credentials.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN[0]}:admin,{VIEWER_LOGIN[0]}:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.airflow_home / "passwords.json"),
        # A machine's own name often does not resolve; everything here is one machine.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "onemachine.hostname.loopback",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "5",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "15",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__BASE_URL": settings.airflow_url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": credentials.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": credentials.jwt_secret,
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
        "AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS": "True",
        # A task's supervisor looks for the end of its process in steps of this many seconds. At the default of 5 s each
        # ended task may hold its slot so long; and a deferred one whose trigger fires sooner is taken for dead, as its
        # first process is reported ended while the second already runs, and is tried again.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A task whose supervisor has died as well is tried again after a minute without a sign of it, not after five.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        # A new DAG file is seen in seconds, and a known one is not parsed all the time.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "2",
        # The components read each other's logs from the same disk; no log server listens, on loopback or elsewhere.
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.airflow_home / "logs"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": "1",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        # setproctitle would otherwise write over the memory in which the mark stands.
        "SPT_NOENV": "1",
    }


def client(settings: Settings, credentials: Credentials, caller: Mapping[str, str]) -> dict[str, str]:
    """Everything that a client of the stack, a task or an ``airflow`` command needs: a whole environment."""
    result = clean(caller, passed=settings.passed)
    result.update(airflow(settings, credentials))
    result.update(aws(settings))
    result.update({name: caller[name] for name in settings.passed if name in caller})
    result.update(
        {
            "PYTHONPATH": os.pathsep.join(str(settings.repository / folder) for folder in ("include", "plugins")),
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join([str(settings.python.parent), caller.get("PATH", os.defpath)]),
            "ENDPOINTWATCH_LOCAL_DIR": str(settings.local),
            "ENDPOINTWATCH_AIRFLOW_PORT": str(settings.airflow_port),
            "ENDPOINTWATCH_AWS_PORT": str(settings.aws_port),
            "ENDPOINTWATCH_POSTGRES_PORT": str(settings.postgres_port),
            "ENDPOINTWATCH_DAGS_DIR": str(settings.dags),
            "ENDPOINTWATCH_ENDPOINTS_DIR": str(settings.endpoints),
            "ENDPOINTWATCH_PARALLELISM": str(settings.parallelism),
        }
    )
    for name in ("NO_PROXY", "no_proxy"):  # a proxy that the caller uses cannot reach this machine's loopback
        result[name] = ",".join(filter(None, [caller.get(name, ""), HOST, "localhost"]))
    return result


def component(settings: Settings, credentials: Credentials, caller: Mapping[str, str]) -> dict[str, str]:
    """A client's environment with the mark by which `down` knows the stack's processes, and what they load at once."""
    result = client(settings, credentials, caller)
    preload = settings.repository / "include" / "onemachine" / "preload"
    return {**result, MARK: str(settings.local), "PYTHONPATH": os.pathsep.join([result["PYTHONPATH"], str(preload)])}


def shell_lines(variables: Mapping[str, str], caller: Mapping[str, str]) -> str:
    """``export`` lines for what differs from the caller's own environment, sorted, ready for ``eval``."""
    changed = {name: value for name, value in variables.items() if caller.get(name) != value}
    removed = sorted(name for name in caller if name not in variables and name.startswith(HELD_BACK))
    lines = [f"unset {name}" for name in removed]
    lines += [f"export {name}={_quoted(value)}" for name, value in sorted(changed.items())]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def write_logins(settings: Settings) -> None:
    """Give SimpleAuthManager its users' passwords before it makes up its own.

    They are known on purpose: Airflow listens on loopback only, and the demo prints them.
    """
    file = settings.airflow_home / "passwords.json"
    wanted = json.dumps(dict([LOGIN, VIEWER_LOGIN]))
    if not file.exists() or file.read_text() != wanted:
        write_private(file, wanted)
