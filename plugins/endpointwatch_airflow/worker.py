"""A planned job as a subprocess of its Airflow task: the same entry point, in a folder laid out as ``/opt/ml``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import endpointwatch
from endpointwatch_airflow.hooks.answers import Outcome, Request
from endpointwatch_airflow.hooks.store import StoreHook

PREFIX: Final = "/opt/ml/"
METRICS_FILE: Final = "output/metrics/cloudwatch/cloudwatch_metrics.jsonl"
AT_ONCE: Final = 8
#: Shorter than the five seconds after which Airflow kills the task itself.
GRACE_SECONDS: Final = 2.0
# What the job sees of the worker's environment: enough to run Python. It needs no credentials, so it gets none.
INHERITED: Final = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    # By this mark the one-machine stack finds what a lost task has left running.
    "ENDPOINTWATCH_STACK",
)


@dataclass(slots=True)
class WorkerJob:
    """One job, from the request that would have created it as a processing job.

    Attributes:
        name: The job's name.
        request: As for ``CreateProcessingJob``: environment, inputs, outputs and the longest time are followed.
        store: Where inputs come from and outputs go.
        log: Is told every line that the job prints.
        publish: Is given the lines of the job's metrics file, once it has completed.
    """

    name: str
    request: Request
    store: StoreHook
    log: Callable[[str], None]
    publish: Callable[[list[str]], None]
    _process: subprocess.Popen[str] | None = field(default=None, init=False)
    _ended: str | None = field(default=None, init=False)

    def run(self) -> Outcome:
        """Download, run, upload; the folder is removed whatever happens."""
        with tempfile.TemporaryDirectory(prefix=f"{self.name}-", ignore_cleanup_errors=True) as folder:
            base = Path(folder).resolve() / "ml"
            try:
                self._prepare(base)
            except FileNotFoundError as error:
                return self._outcome("Failed", f"Failed to download data. {error}")
            code = self._run(base, Path(folder))
            message = _text(base / "output" / "message")
            if self._ended is not None:
                # What was being written when it was stopped is nobody's result.
                return self._outcome("Stopped", self._ended, message)
            # Also after a failure, as SageMaker does: what a failed job has written may say why.
            self._deliver(base)
            if code != 0:
                return self._outcome("Failed", message or f"exit code {code}", message)
            self.publish((_text(base / METRICS_FILE) or "").splitlines())
            return self._outcome("Completed", None, message)

    def stop(self, reason: str) -> None:
        """End everything that the job has started."""
        process, self._ended = self._process, self._ended or reason
        if process is None or process.poll() is not None:
            return
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        _signal(process, signal.SIGKILL)

    def _prepare(self, base: Path) -> None:
        for source in (item["S3Input"] for item in self.request["ProcessingInputs"]):
            self._download(source["S3Uri"], _below(base, source["LocalPath"]), source["S3DataType"])
        for output in self._outputs():
            _below(base, output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        config = base / "config" / "processingjobconfig.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps({"ProcessingJobName": self.name, **self.request}), encoding="utf-8")

    def _download(self, uri: str, folder: Path, kind: str) -> None:
        objects = list(self._manifest(uri) if kind == "ManifestFile" else self._prefix(uri))
        if not objects:
            raise FileNotFoundError(f"{uri} matched no objects")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(self.store.download, one, _inside(folder, name)) for one, name in objects]:
                done.result()

    def _prefix(self, uri: str) -> Iterator[tuple[str, str]]:
        """Every object below a prefix with its path below it; an object's own URI, or a part of it, gives its name."""
        for item in self.store.objects(uri):
            rest = item.uri.removeprefix(uri)
            whole = uri.endswith("/") or rest.startswith("/")
            # A key that ends with a slash is a folder somebody made in the console: nothing is in it.
            if not item.key.endswith("/"):
                yield item.uri, rest.lstrip("/") if whole else item.uri[uri.rfind("/") + 1 :]

    def _manifest(self, uri: str) -> Iterator[tuple[str, str]]:
        text = self.store.read(uri)
        if text is None:
            raise FileNotFoundError(f"{uri} is not there")
        head, *names = json.loads(text)
        for name in names:
            yield head["prefix"] + name, name

    def _run(self, base: Path, folder: Path) -> int:
        environment = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "PYTHONPATH": str(Path(endpointwatch.__file__).parents[1]),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(folder),
            **self.request["Environment"],
            "SAGEMAKER_BASE_DIR": str(base),
        }
        if self._ended is not None:
            return -signal.SIGTERM
        # A session of its own: what the job starts ends with it.
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "endpointwatch.jobs"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        seconds = self.request["StoppingCondition"]["MaxRuntimeInSeconds"]
        clock = threading.Timer(seconds, self.stop, [f"MaxRuntimeExceeded: it ran longer than {seconds} s"])
        clock.daemon = True
        clock.start()
        try:
            for line in process.stdout or ():
                self.log(line.rstrip())
            return process.wait()
        finally:
            clock.cancel()
            _signal(process, signal.SIGKILL)
            process.wait()

    def _deliver(self, base: Path) -> None:
        for output in self._outputs():
            folder = _below(base, output["LocalPath"])
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    self.store.upload(path, f"{output['S3Uri'].rstrip('/')}/{path.relative_to(folder).as_posix()}")

    def _outputs(self) -> list[dict[str, Any]]:
        return [item["S3Output"] for item in self.request["ProcessingOutputConfig"]["Outputs"]]

    def _outcome(self, status: str, reason: str | None, message: str | None = None) -> Outcome:
        return Outcome("ProcessingJob", self.name, status, reason=reason, exit_message=message)


def _below(base: Path, path: str) -> Path:
    return base / path.removeprefix(PREFIX)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder):
        raise FileNotFoundError(f"the object's name {name!r} leads out of its folder")
    return path


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # To the group, whose number stays taken while one of it lives, also when its first process has ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
