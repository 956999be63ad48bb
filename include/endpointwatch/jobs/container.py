"""SageMaker's contract for processing containers: where things lie, what the environment says, what is left behind.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from endpointwatch.errors import PlanError

PREFIX = "/opt/ml"
BASE_DIR_KEY = "SAGEMAKER_BASE_DIR"
MESSAGE_LIMIT = 1000
#: Ends the exit message of a planned job that fails for what it was given; who started the job need not try again.
FINAL = "The same inputs would fail again."


@dataclass(frozen=True, slots=True)
class Container:
    """The container's own ``/opt/ml``.

    Attributes:
        base: Where it really lies.
        environment: The job's environment.
    """

    base: Path
    environment: Mapping[str, str]

    @classmethod
    def current(cls, process: Mapping[str, str] | None = None) -> Container:
        """The container this process runs in.

        The environment is the one in ``processingjobconfig.json``, over that of the process: SageMaker's own analyzer
        reads only the former, people who start the container by hand set only the latter.

        Raises:
            PlanError: The configuration file is there but cannot be read.
        """
        bare = cls.bare(process)
        config = bare.base / "config" / "processingjobconfig.json"
        told: dict[str, str] = {}
        if config.is_file():
            try:
                told = json.loads(config.read_text(encoding="utf-8")).get("Environment") or {}
            except (ValueError, AttributeError) as error:
                raise PlanError(f"{config} is no job configuration: {error}") from error
        return cls(bare.base, {**bare.environment, **told})

    @classmethod
    def bare(cls, process: Mapping[str, str] | None = None) -> Container:
        """The container as the process's environment alone describes it; enough to leave a message behind."""
        process = os.environ if process is None else process
        return cls(Path(process.get(BASE_DIR_KEY, PREFIX)), process)

    def path(self, declared: str) -> Path:
        """Where a path of the contract really lies: ``/opt/ml/…`` below the base directory."""
        if declared == PREFIX or declared.startswith(f"{PREFIX}/"):
            return self.base / declared.removeprefix(PREFIX).lstrip("/")
        return Path(declared)

    def require(self, key: str) -> str:
        """The value of an environment key.

        Raises:
            PlanError: The environment does not have it.
        """
        value = self.environment.get(key)
        if not value:
            raise PlanError(f"The environment has no {key}. Set it, or `job_plan` to the path of a plan.")
        return value

    def leave_message(self, text: str, *, ending: str = "") -> None:
        """Write the exit message; SageMaker shows the first kilobyte of it, so ``text`` gives way to ``ending``."""
        path = self.path("/opt/ml/output/message")
        path.parent.mkdir(parents=True, exist_ok=True)
        last = f" {ending}" if ending else ""
        short = text.encode()[: MESSAGE_LIMIT - len(last.encode())].decode(errors="ignore")
        path.write_text(short + last, encoding="utf-8")

    @property
    def metrics_file(self) -> Path:
        return self.path("/opt/ml/output/metrics/cloudwatch/cloudwatch_metrics.jsonl")
