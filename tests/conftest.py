"""Fixtures that several folders share: the local AWS as a process of its own.

``pocketaws`` is one process for the whole session; a test that kills or configures one starts its own with
``start_pocketaws``. Both run from their own environment (``POCKETAWS_PYTHON``, else ``.venv-pocketaws``), as users do,
and are never imported here.

And which tests stay together when several processes share the work (pytest-xdist, ``-n 2``).
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import JSONFileLoader
from xdist.scheduler.loadscope import LoadScopeScheduling

# scikit-learn in every test process and in all they start: threads that wait for one another cost more than they bring.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Every boto3 session reads its services' models anew, and every operator under test makes a session: read each once.
JSONFileLoader.load_file = staticmethod(functools.cache(JSONFileLoader().load_file))

REPOSITORY = Path(__file__).resolve().parent.parent
INCLUDE = REPOSITORY / "include"
IMAGES = INCLUDE / "containers" / "images.json"
ACCOUNT, REGION = "123456789012", "us-east-1"
START_SECONDS = 60.0
_LIBC = ctypes.CDLL(None)
LONGEST_FIRST = ("e2e", "slow", "pocketaws")
# Image URIs that exist in tests only: they run Python source (arguments, or the variable PROGRAM), or a shell command.
# SageMaker takes arguments of at most 256 characters without line breaks, so source comes in pieces of base64.
RUN_SOURCE = "import base64, sys; exec(base64.b64decode(''.join(sys.argv[1:])))"
TEST_IMAGES = [
    {"pattern": "*/test-python:*", "command": ["{python}", "-c", RUN_SOURCE]},
    {"pattern": "*/test-program:*", "command": ["{python}", "-c", "import os; exec(os.environ['PROGRAM'])"]},
    {"pattern": "*/test-shell:*", "command": ["/bin/sh", "-c"]},
]
PYTHON_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/test-python:1"
SHELL_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/test-shell:1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker-test-role"


class OneFileOneProcess(LoadScopeScheduling):
    """A file stays in one process, for its fixtures. Files that share an Airflow, Spark or an SDK stay together."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        if "e2e" in file.parts:
            return str(file.parent)
        if "sdk" in file.stem:
            return "sdk"
        return "spark" if file.stem.endswith(("_as_spark", "_on_spark")) else str(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneFileOneProcess:
    """For ``-n``; ``--dist loadgroup`` could say the same if xdist 3.8 knew how pytest 9.2 keeps a test's id."""
    config.option.loadscopereorder = False
    return OneFileOneProcess(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest starts first, so that no process is left with it at the end."""
    items.sort(key=_start)


def _start(item: pytest.Item) -> int:
    places = [place for place, marker in enumerate(LONGEST_FIRST) if item.get_closest_marker(marker)]
    return min(places, default=len(LONGEST_FIRST))


def pocketaws_python() -> Path:
    """The interpreter of the local AWS's environment."""
    return Path(os.environ.get("POCKETAWS_PYTHON", REPOSITORY / ".venv-pocketaws" / "bin" / "python"))


class PocketAws:
    """One local AWS, its process, and clients of it.

    Attributes:
        url: ``http://127.0.0.1:<port>``.
        home: Its state.
        env: The ``AWS_*`` variables by which any client reaches it.
        images: The file of images: the project's, and ``TEST_IMAGES``.
        python_image: Image URI whose arguments are Python source, as ``arguments_of`` makes them.
        shell_image: Image URI whose argument is a shell command.
        role: An ARN for ``RoleArn``.
    """

    python_image = PYTHON_IMAGE
    shell_image = SHELL_IMAGE
    role = ROLE

    def __init__(self, home: Path, *options: str, images: list[dict[str, Any]] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }
        self.images = home.parent / f"{home.name}-images.json"
        self.log = home.parent / f"{home.name}.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Any] = {}
        self._write_images(images or [])

    @staticmethod
    def arguments_of(source: str) -> list[str]:
        """``ContainerArguments`` by which the container of ``python_image`` runs ``source``."""
        text = base64.b64encode(source.encode()).decode()
        return [text[at : at + 200] for at in range(0, len(text), 200)] or [""]

    def client(self, service: str) -> Any:
        """A boto3 client, made once per service."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="local",
                config=Config(max_pool_connections=32, s3={"addressing_style": "path"}, proxies={}),
            )
        return self._clients[service]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until it answers."""
        python = pocketaws_python()
        if not python.exists():
            pytest.fail(
                f"{python} is missing: the local AWS has an environment of its own. Run `make setup`, or name its "
                "interpreter in POCKETAWS_PYTHON.",
                pytrace=False,
            )
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "POCKETAWS_"))}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [python, "-m", "pocketaws", "--port", str(self.port), "--home", self.home, "--images", self.images,
                 "--flush-seconds", "0.5", "--alarm-seconds", "0.5", "--save-seconds", "1", *self._options],
                env={**environment, "PYTHONPATH": str(INCLUDE)},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, and nothing of Python's
            )  # fmt: skip
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        assert self._process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                pytest.fail(f"The local AWS ended with {self._process.returncode}:\n{self.output()}", pytrace=False)
            with contextlib.suppress(urllib.error.URLError, OSError):
                if self.health()["status"] == "ready":
                    return
            time.sleep(0.1)
        pytest.fail(f"The local AWS was not ready after {START_SECONDS:g} s:\n{self.output()}", pytrace=False)

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_pocketaws/health", timeout=5) as answer:
            return dict(json.load(answer))

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 30) -> int:
        """Stop it as its user does; its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(timeout)

    def restart(self) -> None:
        """Start it again on the same state and port; killed first if it runs."""
        self.kill()
        self.start()

    def _write_images(self, more: list[dict[str, Any]]) -> None:
        text = IMAGES.read_text(encoding="utf-8")
        text = text.replace("{containers}", str(IMAGES.parent)).replace("{include}", str(INCLUDE))
        self.images.write_text(json.dumps({"images": [*more, *TEST_IMAGES, *json.loads(text)["images"]]}))


def _die_with_parent() -> None:
    """A test run that is killed must not leave its local AWS behind: SIGTERM when the parent is gone (prctl(2))."""
    _LIBC.prctl(1, signal.SIGTERM)


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _starter(folders: pytest.TempPathFactory) -> Iterator[Callable[..., PocketAws]]:
    """Starts local AWSs that end with the context."""
    started: list[PocketAws] = []

    def start(*options: str, images: list[dict[str, Any]] | None = None) -> PocketAws:
        aws = PocketAws(folders.mktemp("pocketaws") / "home", *options, images=images)
        started.append(aws)
        aws.start()
        return aws

    yield start
    for aws in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            aws.stop(timeout=15)
        aws.kill()
        shutil.rmtree(aws.home, ignore_errors=True)


@pytest.fixture(scope="module")
def start_pocketaws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., PocketAws]]:
    """Start a local AWS of one's own: ``start_pocketaws("--max-jobs", "1", images=[...])``; it ends with the file.

    What a file has left in it (endpoints that serve, alarms that are evaluated) would else slow down all that follow.
    """
    with _starter(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def start_lasting_pocketaws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., PocketAws]]:
    """The same for fixtures that several files share."""
    with _starter(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def pocketaws(start_lasting_pocketaws: Callable[..., PocketAws]) -> PocketAws:
    """The session's local AWS: fresh state, a free port."""
    return start_lasting_pocketaws("--max-jobs", "4")
