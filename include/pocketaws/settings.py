"""What a run of the local AWS is told from outside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

INCLUDE = Path(__file__).resolve().parent.parent
DEFAULT_IMAGES = INCLUDE / "containers" / "images.json"


def kebab(kind: str) -> str:
    """``EndpointConfig`` → ``endpoint-config``, the spelling of kinds in ARNs."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind).lower()


@dataclass(frozen=True, slots=True)
class Settings:
    """One run's settings; nothing else in the package reads the environment.

    Attributes:
        host: Address to listen on; loopback unless somebody says otherwise, since nothing here authenticates anybody.
        port: TCP port.
        home: Folder of all state: records, job folders, S3 objects, the base emulator's snapshots.
        images: The JSON file that maps image URIs to local commands.
        max_jobs: How many processing and training jobs run at once; more wait in a queue.
        region: AWS region of every ARN.
        account: AWS account of every ARN; also the access key, by which the base emulator tells accounts apart.
        flush_seconds: Longest time captured requests and endpoint metrics wait in memory.
        alarm_seconds: Time between two evaluations of the CloudWatch alarms.
        save_seconds: Time between two snapshots of the base emulator's state (queues, rules, alarms, metrics, logs).
        isolation: ``auto``, or one of the ways of ``isolation.py`` by name.
        secret: The secret key handed to jobs and model servers; no signature is checked.
    """

    host: str
    port: int
    home: Path
    images: Path
    max_jobs: int = 2
    region: str = "us-east-1"
    account: str = "123456789012"
    flush_seconds: float = 2.0
    alarm_seconds: float = 2.0
    save_seconds: float = 15.0
    isolation: str = "auto"
    secret: str = field(default="local", repr=False)

    @property
    def url(self) -> str:
        """Where jobs, model servers and this process itself reach the local AWS."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", ""} else "[::1]" if self.host == "::" else self.host  # noqa: S104
        return f"http://{host}:{self.port}"

    def arn(self, kind: str, name: str) -> str:
        """ARN of a SageMaker resource; AWS writes the names in ARNs in lower case.

        Args:
            kind: The API's word, for example ``EndpointConfig``.
            name: The resource's name; ``<group>/<version>`` for model packages.
        """
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kebab(kind)}/{name.lower()}"

    @property
    def client_environment(self) -> dict[str, str]:
        """Variables by which any AWS client reaches the local AWS and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            # Without it clients ask the EC2 metadata address when the keys are ever missing, and hang.
            "AWS_EC2_METADATA_DISABLED": "true",
        }
