"""Where the stack keeps its state and which ports it listens on; everything that a user may set, in one place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from onemachine.errors import StackError

REPOSITORY = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
LOGIN = ("admin", "admin")
VIEWER_LOGIN = ("viewer", "viewer")
HIGHEST_PORT = 65535

# name → (default, what it is); `python -m onemachine --help` prints this table.
VARIABLES: dict[str, tuple[str, str]] = {
    "ENDPOINTWATCH_LOCAL_DIR": (".local", "folder of everything a local run writes"),
    "ENDPOINTWATCH_AIRFLOW_PORT": ("8080", "Airflow's web interface and REST API; 0 = any free port"),
    "ENDPOINTWATCH_AWS_PORT": ("4566", "the local AWS; 0 = any free port"),
    "ENDPOINTWATCH_POSTGRES_PORT": ("55432", "Airflow's metadata database; 0 = any free port"),
    "ENDPOINTWATCH_DAGS_DIR": ("dags", "Airflow's DAGs folder"),
    "ENDPOINTWATCH_ENDPOINTS_DIR": ("include/endpoints", "the YAML files of the watched endpoints"),
    "ENDPOINTWATCH_PARALLELISM": ("6", "Airflow tasks that run at the same time"),
    "ENDPOINTWATCH_POSTGRES_BIN": ("", "folder with initdb and postgres, instead of the one found"),
    "ENDPOINTWATCH_PASS": ("", "comma-separated AIRFLOW_*, AWS_* or other variables that may reach the components"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One stack: a state folder and its ports.

    Attributes:
        repository: Root of the project.
        local: Root of the state; two stacks beside each other need two of these.
        airflow_port: Airflow's port; 0 until one is chosen (see :mod:`onemachine.ports`).
        aws_port: The local AWS's port; 0 as above.
        postgres_port: PostgreSQL's port; 0 as above.
        dags: Airflow's DAGs folder.
        endpoints: Folder of the endpoints' YAML files.
        parallelism: Tasks that LocalExecutor runs at once.
        postgres_bin: Folder with ``initdb`` and ``postgres``, or None to look for one.
        passed: Names of the caller's variables that reach the components although their kind is held back.
    """

    repository: Path
    local: Path
    airflow_port: int
    aws_port: int
    postgres_port: int
    dags: Path
    endpoints: Path
    parallelism: int
    postgres_bin: Path | None
    passed: tuple[str, ...]

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None, *, repository: Path = REPOSITORY) -> Settings:
        """The settings that ``variables`` (default: this process's environment) ask for.

        Raises:
            StackError: A number is not one, or out of range.
        """
        given = os.environ if variables is None else variables

        def text(name: str) -> str:
            return given.get(name) or VARIABLES[name][0]

        def path(name: str) -> Path:
            # Relative to the project, not to where the command was typed: the same setting is always the same stack.
            return (repository / Path(text(name)).expanduser()).resolve()

        binaries = given.get("ENDPOINTWATCH_POSTGRES_BIN")
        return cls(
            repository=repository,
            local=path("ENDPOINTWATCH_LOCAL_DIR"),
            airflow_port=_number(given, "ENDPOINTWATCH_AIRFLOW_PORT", lowest=0, highest=HIGHEST_PORT),
            aws_port=_number(given, "ENDPOINTWATCH_AWS_PORT", lowest=0, highest=HIGHEST_PORT),
            postgres_port=_number(given, "ENDPOINTWATCH_POSTGRES_PORT", lowest=0, highest=HIGHEST_PORT),
            dags=path("ENDPOINTWATCH_DAGS_DIR"),
            endpoints=path("ENDPOINTWATCH_ENDPOINTS_DIR"),
            parallelism=_number(given, "ENDPOINTWATCH_PARALLELISM", lowest=1, highest=256),
            postgres_bin=Path(binaries).expanduser() if binaries else None,
            passed=tuple(name.strip() for name in given.get("ENDPOINTWATCH_PASS", "").split(",") if name.strip()),
        )

    def on(self, *, airflow_port: int, aws_port: int, postgres_port: int) -> Settings:
        """The same stack on other ports."""
        return replace(self, airflow_port=airflow_port, aws_port=aws_port, postgres_port=postgres_port)

    @property
    def airflow_home(self) -> Path:
        return self.local / "airflow"

    @property
    def pocketaws_home(self) -> Path:
        return self.local / "pocketaws"

    @property
    def run(self) -> Path:
        """Records of the running processes."""
        return self.local / "run"

    @property
    def logs(self) -> Path:
        return self.local / "logs"

    @property
    def python(self) -> Path:
        """The interpreter of Airflow's environment."""
        return self.repository / ".venv" / "bin" / "python"

    @property
    def pocketaws_python(self) -> Path:
        """The interpreter of the local AWS's environment."""
        return self.repository / ".venv-pocketaws" / "bin" / "python"

    @property
    def shared(self) -> Path:
        """A folder outside every home, for what another user must reach: PostgreSQL refuses to run as root.

        A clone may lie below a folder that only root can enter (``/root``, ``mktemp -d``), so a database server that
        has dropped to an ordinary user could reach neither its data nor its binaries there.
        """
        name = hashlib.sha256(str(self.local).encode()).hexdigest()[:12]
        return Path("/var/tmp") / f"endpointwatch-{name}"  # noqa: S108 -- its owner is checked before use (postgres.py)

    @property
    def airflow_url(self) -> str:
        return f"http://{HOST}:{self.airflow_port}"

    @property
    def aws_url(self) -> str:
        return f"http://{HOST}:{self.aws_port}"


def _number(given: Mapping[str, str], name: str, *, lowest: int, highest: int) -> int:
    text = given.get(name) or VARIABLES[name][0]
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
        raise StackError(f"{name}={text!r} is not a whole number between {lowest} and {highest}.")
    return int(text)
