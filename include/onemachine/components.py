"""What the stack consists of: how each component is started, when it is ready, how it is asked to end."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from onemachine.healthcheck import ask
from onemachine.settings import HOST, Settings

POSTGRES = "postgres"
POCKETAWS = "pocketaws"
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")
NAMES = (POSTGRES, POCKETAWS, *AIRFLOW)

# The names under which /api/v2/monitor/health reports; the api-server is who answers.
HEALTH_NAMES = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a component is asked to end.

    Attributes:
        by: The signal that means "orderly, now".
        grace: Seconds it is given before SIGKILL.
    """

    by: signal.Signals
    grace: float


# PostgreSQL: SIGINT is its "fast" shutdown; SIGTERM would wait until every client has left.
# The scheduler waits for running tasks on the first SIGTERM; they do not get more than the grace, and Airflow runs
# them again after the next start.
ENDINGS: Mapping[str, Ending] = {
    POSTGRES: Ending(signal.SIGINT, 20),
    POCKETAWS: Ending(signal.SIGTERM, 15),
    "api-server": Ending(signal.SIGTERM, 10),
    "scheduler": Ending(signal.SIGTERM, 10),
    "dag-processor": Ending(signal.SIGTERM, 10),
    "triggerer": Ending(signal.SIGTERM, 10),
}


def airflow_command(settings: Settings, name: str) -> list[str]:
    """The command of one of Airflow's components.

    Four processes rather than ``airflow standalone``: that one's children live on as orphans when it is ended by
    SIGTERM, and its output hides which component speaks.
    """
    # -P: the working directory must not become a place to import from.
    command = [str(settings.python), "-P", "-m", "airflow", name]
    if name == "api-server":
        command += ["--host", HOST, "--port", str(settings.airflow_port), "--workers", "1"]
    if name in ("scheduler", "triggerer"):
        # The log servers would listen on all interfaces; the api-server reads the files themselves.
        command += ["--skip-serve-logs"]
    return command


def pocketaws_command(settings: Settings) -> list[str]:
    return [
        *(str(settings.pocketaws_python), "-P", "-m", "pocketaws"),
        *("--host", HOST, "--port", str(settings.aws_port)),
        *("--home", str(settings.pocketaws_home)),
        *("--images", str(settings.repository / "include" / "containers" / "images.json")),
    ]


def pocketaws_health(settings: Settings) -> dict[str, Any] | None:
    """The local AWS's own account of itself once it is ready, else None."""
    answer = ask(f"{settings.aws_url}/_pocketaws/health")
    return answer if answer and answer.get("status") == "ready" else None


def airflow_health(settings: Settings, *, since: Mapping[str, float]) -> dict[str, bool]:
    """Which of Airflow's components are at work.

    Args:
        settings: Where Airflow is.
        since: When each component was started, seconds since the epoch. An older heartbeat is its predecessor's.

    Returns:
        A flag for each component; all false while the api-server does not answer.
    """
    answer = ask(f"{settings.airflow_url}/api/v2/monitor/health") or {}
    healthy = {"api-server": answer.get("metadatabase", {}).get("status") == "healthy"}
    for name, reported in HEALTH_NAMES.items():
        part = answer.get(reported) or {}
        beat = part.get(f"latest_{reported}_heartbeat")
        fresh = isinstance(beat, str) and datetime.fromisoformat(beat).astimezone(UTC).timestamp() >= since.get(
            name, 0.0
        )
        healthy[name] = part.get("status") == "healthy" and fresh
    return healthy


def tail(lines: Sequence[str], count: int = 15) -> str:
    return "\n".join(f"    {line.rstrip()}" for line in lines[-count:])


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()
