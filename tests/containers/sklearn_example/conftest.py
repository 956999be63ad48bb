"""The example container as SageMaker runs it: a process with an ``/opt/ml`` of its own."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
ENTRYPOINT = REPOSITORY / "include" / "containers" / "sklearn_example" / "entrypoint.py"
PYTHON = Path(os.environ.get("POCKETAWS_PYTHON", REPOSITORY / ".venv-pocketaws" / "bin" / "python"))
FORKER = Path(__file__).parent / "forker.py"
FEATURES = ("income", "debt", "age")


def rows_of(count: int, seed: int, missing: float = 0.0) -> list[list[str]]:
    """Labelled rows, label first; a high income and little debt make 1 likely."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        values = [chance.gauss(0, 1) for _ in FEATURES]
        label = int(values[0] - values[1] + chance.gauss(0, 0.7) > 0)
        cells = ["" if chance.random() < missing else f"{value:.4f}" for value in values]
        rows.append([str(label), *cells])
    return rows


def write_csv(path: Path, rows: list[list[str]], header: tuple[str, ...] = ("approve", *FEATURES)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


class Forker:
    """Runs the container's program in processes of their own, forked from one that has scikit-learn already."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [PYTHON, FORKER, ENTRYPOINT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, folder: Path, arguments: tuple[str, ...], environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: folder / f"{name}.txt" for name in ("stdout", "stderr")}
        told = {"arguments": arguments, "environment": environment, **{name: str(files[name]) for name in files}}
        print(json.dumps(told), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, files["stdout"].read_text(), files["stderr"].read_text())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    made = Forker()
    yield made
    made.end()


class Container:
    """One run's ``/opt/ml`` and the command over it."""

    python = PYTHON

    def __init__(self, base: Path, forker: Forker) -> None:
        self.base = base
        self.forker = forker

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SAGEMAKER_")}
        return {**kept, "SAGEMAKER_BASE_DIR": str(self.base)}

    def hyperparameters(self, **values: str) -> None:
        path = self.base / "input" / "config" / "hyperparameters.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.forker.run(self.base.parent / "printed", arguments, {**self.environment, **environment})

    @property
    def failure(self) -> str:
        path = self.base / "output" / "failure"
        return path.read_text() if path.exists() else ""


class Data:
    """Labelled rows, and CSV files of them."""

    rows = staticmethod(rows_of)
    write = staticmethod(write_csv)


@pytest.fixture(scope="session")
def data() -> type[Data]:
    return Data


@pytest.fixture
def container(tmp_path, forker) -> Container:
    return Container(tmp_path / "ml", forker)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, forker) -> Container:
    """A container in which a model was trained on data with missing values."""
    container = Container(tmp_path_factory.mktemp("trained") / "ml", forker)
    channels = container.base / "input" / "data"
    write_csv(channels / "train" / "part.csv", rows_of(1500, seed=1, missing=0.05))
    write_csv(channels / "validation" / "part.csv", rows_of(400, seed=2, missing=0.05))
    container.hyperparameters(label="approve")
    done = container.run("train")
    assert done.returncode == 0, done.stderr
    return container


class Client:
    """Asks a model server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> int:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return int(answer.status)

    def post(self, body: str | bytes, content_type: str = "text/csv", accept: str = "") -> tuple[int, str, str]:
        """Status, content type and body."""
        data = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": content_type, **({"Accept": accept} if accept else {})}
        request = urllib.request.Request(f"{self.url}/invocations", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.fixture(scope="session")
def served(trained) -> Iterator[Client]:
    """The trained model behind HTTP."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = {"SAGEMAKER_BIND_TO_PORT": str(port), "SAGEMAKER_BIND_TO_HOST": "127.0.0.1"}
    process = subprocess.Popen([PYTHON, ENTRYPOINT, "serve"], env={**trained.environment, **where})
    client, end = Client(f"http://127.0.0.1:{port}"), time.monotonic() + 120
    try:
        while True:
            with contextlib.suppress(urllib.error.URLError):
                if client.get("/ping") == 200:
                    break
            assert process.poll() is None, "the model server has ended"
            assert time.monotonic() < end, "the model server does not answer"
            time.sleep(0.05)
        yield client
    finally:
        process.terminate()
        code = process.wait(10)
    assert code == 0
