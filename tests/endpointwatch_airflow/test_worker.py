"""Every planned job as a subprocess of its task: the same files, errors and results as from a job of its own."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_fakes import NOW, ROOT, FakeSageMaker, at_the_border, context, deployment, endpoint
from endpointwatch.actions.alarm_requests import MONITORS_NAMESPACE
from endpointwatch.jobs.__main__ import main
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.errors import JobError, NotRetriedError
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import bucket_and_key
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.dataset import BuildDatasetOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator
from endpointwatch_airflow.operators.replay import ReplayOperator
from endpointwatch_airflow.operators.requests import Mount, Upload, planned_processing
from endpointwatch_airflow.worker import WorkerJob

JOB = {"image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/analyzer:1"}
TRAINING = {
    "image_uri": "sklearn",
    "initial_dataset_uri": "s3://bucket/initial",
    "artifacts_uri": "s3://bucket/artifacts",
    "ground_truth_uri": "s3://bucket/truth",
    "features": ["amount", "ratio"],
    "label": "approved",
    "minimum_rows": 20,
    "model_package_group": "loans",
}
CAPTURES = "s3://bucket/capture/loans/AllTraffic/2026/03/01/14"
WINDOW = f"{ROOT}/data_quality/2026/03/01/14"
DATA = "s3://bucket/train"


def worker(**job: Any) -> Any:
    return endpoint(job={**JOB, "runs_on": "worker", **job}, baseline_dataset_uri=DATA, training=TRAINING)


class FolderStore:
    """S3 in memory, files and texts alike."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        self.files = {uri: text.encode() for uri, text in (files or {}).items()}

    def read(self, uri: str) -> str | None:
        return self.files[uri].decode() if uri in self.files else None

    def write(self, uri: str, text: str) -> None:
        self.files[uri] = text.encode()

    def exists(self, uri: str) -> bool:
        return uri in self.files

    def download(self, uri: str, path: Path) -> None:
        if uri not in self.files:
            raise FileNotFoundError(f"{uri} is not there")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.files[uri])

    def upload(self, path: Path, uri: str) -> None:
        self.files[uri] = path.read_bytes()

    def objects(self, prefix: str, *, after: str | None = None) -> Iterator[StoredObject]:
        for uri, content in sorted(self.files.items()):
            if uri.startswith(prefix) and (after is None or uri > after):
                yield StoredObject(*bucket_and_key(uri), hashlib.sha256(content).hexdigest(), len(content), NOW)

    def folders(self, prefix: str) -> tuple[str, ...]:
        below = {uri.removeprefix(prefix + "/").split("/")[0] for uri in self.files if uri.startswith(prefix + "/")}
        return tuple(f"{prefix}/{name}/" for name in sorted(below))


class FakeMetrics:
    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []

    def publish(self, namespace: str, lines: list[str]) -> str | None:
        self.published += [(namespace, json.loads(line)) for line in lines]
        return "they are older than two weeks"


def row(number: int) -> tuple[str, str]:
    """Output and input of the n-th request."""
    return f"{number % 97 / 97:.4f}", f"{20 + number * 37 % 400},{10 + number * 13 % 101 / 7:.3f}"


def record(number: int) -> str:
    answer, given = row(number)
    sides = {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": given, "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": answer, "encoding": "CSV"},
    }
    about = {"eventId": f"event-{number}", "inferenceTime": f"2026-03-01T14:{number % 60:02}:00Z"}
    return json.dumps({"captureData": sides, "eventMetadata": about, "eventVersion": "0"}) + "\n"


def label(number: int) -> str:
    truth = {"data": str(number % 2), "encoding": "CSV"}
    return json.dumps({"groundTruthData": truth, "eventMetadata": {"eventId": f"event-{number}"}}) + "\n"


def filled() -> FolderStore:
    table = "\n".join(",".join(row(number)) for number in range(300))
    return FolderStore(
        {
            **deployment("v1", 3),
            f"{DATA}/train.csv": f"prediction,amount,ratio\n{table}\n",
            f"{CAPTURES}/00-a.jsonl": "".join(record(number) for number in range(100)),
            f"{CAPTURES}/30-b.jsonl": "".join(record(number) for number in range(100, 200)) + "{broken\n",
            "s3://bucket/truth/2026/03/01/15/labels.jsonl": "".join(label(number) for number in range(200)),
        }
    )


def task_of(kind: Any, store: FolderStore, sagemaker: FakeSageMaker | None = None, **arguments: Any) -> Any:
    of = arguments.pop("endpoint", None) or worker()
    task = kind(task_id="task", endpoint=of, retries=1, aws_conn_id=None, deferrable=True, **arguments)
    at_the_border(task, sagemaker, store)  # type: ignore[arg-type]
    task.__dict__["metrics"] = FakeMetrics()
    return task


def monitored(store: FolderStore, **arguments: Any) -> Any:
    task = task_of(RunMonitorsOperator, store, **arguments)
    return task, task.execute(context(task))


@pytest.fixture(scope="module")
def judged():
    """A baseline learnt, then a window judged: the store, both results, the operator."""
    store, sagemaker = filled(), FakeSageMaker()
    learn = task_of(LearnBaselineOperator, store, sagemaker, deployment_uri=f"{ROOT}/deployments/20260301T03-v1.json")
    learnt = learn.execute(context(learn))
    task = task_of(RunMonitorsOperator, store, sagemaker)
    result = task.execute(context(task))
    assert sagemaker.started == []
    return store, learnt, result, task


def test_a_baseline_is_learnt_and_a_window_judged_without_any_job_in_sagemaker(judged):
    store, learnt, result, _ = judged
    assert learnt["job"].startswith("loans-baseline-v1-")
    assert store.exists(learnt["baselines"]["data_quality"])
    assert result["statuses"] == {"data_quality": "OK"}
    verdict = Verdict.model_validate_json(store.files[f"{WINDOW}/verdict.json"])
    assert (verdict.rows.analysed, verdict.rows.set_aside) == (200, 1)
    assert verdict.model_version == "v1"


def test_the_files_are_those_of_the_container_bit_by_bit(judged, tmp_path):
    """The container's side by hand: what the request says, laid out as SageMaker does, and the same entry point."""
    store, _, result, _ = judged
    where = {
        f"{ROOT}/jobs/{result['job']}/plan.json": "input/plan/plan.json",
        **{uri: f"input/capture/{uri.rpartition('/loans/')[2]}" for uri in store.files if CAPTURES in uri},
        **{
            uri: f"baseline/{uri.removeprefix(f'{ROOT}/baselines/v1/')}"
            for uri in store.files
            if uri.startswith(f"{ROOT}/baselines/v1/")
        },
    }  # fmt: skip
    for uri, path in where.items():
        store.download(uri, tmp_path / "processing" / path)
    key = {"job_plan": "/opt/ml/processing/input/plan/plan.json", "SAGEMAKER_BASE_DIR": str(tmp_path)}
    assert main([], key) == 0
    output = tmp_path / "processing" / "output"
    made = {f"{ROOT}/{path.relative_to(output)}": path.read_bytes() for path in output.rglob("*") if path.is_file()}
    assert set(made) == {uri for uri in store.files if uri.startswith(WINDOW)}
    assert made == {uri: store.files[uri] for uri in made}


def test_metrics_are_published_and_a_refusal_of_them_fails_nothing(judged):
    _, _, _, task = judged
    namespaces, published = zip(*task.metrics.published, strict=True)
    assert set(namespaces) == {MONITORS_NAMESPACE}
    assert "feature_baseline_drift_amount" in {metric["MetricName"] for metric in published}


def test_a_replay_and_a_data_set_run_on_the_worker_too(judged):
    store = judged[0]
    replay = task_of(ReplayOperator, store)
    replayed = replay.execute(context(replay, params={"last_windows": 5, "comparison_threshold": 0.9}))
    assert replayed["summary"].startswith("1 window")
    assert json.loads(store.files[replayed["replay"]])["windows"][0]["rows"] == 200
    window = {"start": "2026-03-01T14:00:00Z", "end": "2026-03-01T15:00:00Z"}
    champion = {"model_version": "v1", "model_data_url": "s3://b/m", "endpoint_config": "c", "model_package_arn": None}
    retraining = {"run": "run-1", "request": {"windows": [window]}, "champion": champion}
    build = task_of(BuildDatasetOperator, store, retraining=retraining)
    built = build.execute(context(build))
    assert json.loads(store.files[f"{built['dataset_uri']}/dataset.json"])["labelled"] == 200


def test_a_job_that_fails_says_why_leaves_nothing_behind_and_is_the_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = filled()
    store.write(f"{ROOT}/baselines/v1/data_quality/baseline.json", '{"id": "i"}')
    store.write(f"{ROOT}/baselines/v1/data_quality/constraints.json", "no constraints")
    task = task_of(RunMonitorsOperator, store)
    # The same inputs would fail again, so there is no other try.
    with pytest.raises(NotRetriedError, match=r"on the worker ended Failed: Error: The baseline in .* cannot be read"):
        task.execute(context(task, try_number=1))
    assert task.metrics.published == []
    assert Verdict.model_validate_json(store.files[f"{WINDOW}/verdict.json"]).status == "JOB_FAILED"
    assert list(tmp_path.iterdir()) == []


def job_of(store: FolderStore, seconds: float = 60, **changes: Any) -> tuple[WorkerJob, list[str], list[Any]]:
    """A job with an empty plan, so that the engine would refuse it."""
    store.write("s3://bucket/plan", "{}")
    request = planned_processing(
        worker(), plan_uri="s3://bucket/plan", mounts=changes.pop("mounts", ()),
        uploads=[Upload("o", "/opt/ml/processing/output", "s3://bucket/out")],
    )  # fmt: skip
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = seconds
    said: list[str] = []
    published: list[Any] = []
    return WorkerJob("job", request, store, said.append, published.append), said, published  # type: ignore[arg-type]


def test_a_job_that_runs_too_long_is_stopped_and_uploads_nothing():
    store = filled()
    job, _, _ = job_of(store, seconds=0.05)
    before = set(store.files)
    outcome = job.run()
    assert (outcome.status, outcome.succeeded) == ("Stopped", False)
    assert outcome.reason == "MaxRuntimeExceeded: it ran longer than 0.05 s"
    assert set(store.files) == before


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Let jobs run another program than the engine's."""

    def replace(source: str) -> None:
        package = tmp_path / "endpointwatch"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "jobs.py").write_text(source)
        monkeypatch.setattr("endpointwatch.__file__", str(package / "__init__.py"))

    return replace


def test_what_the_job_prints_is_told_line_by_line_and_its_outputs_are_uploaded_also_when_it_fails(program):
    program(
        "import os, pathlib, sys\n"
        "base = pathlib.Path(os.environ['SAGEMAKER_BASE_DIR'])\n"
        "(base / 'processing/output/why').write_text('because')\n"
        "(base / 'output').mkdir()\n"
        "(base / 'output/message').write_text('Error: no rows')\n"
        "print('one')\nprint('two', file=sys.stderr)\nsys.exit(255)\n"
    )
    store = FolderStore()
    job, said, published = job_of(store)
    outcome = job.run()
    assert (outcome.status, outcome.reason, outcome.exit_message) == ("Failed", "Error: no rows", "Error: no rows")
    assert sorted(said) == ["one", "two"]
    assert store.read("s3://bucket/out/why") == "because"
    assert published == []


def test_a_job_that_dies_without_a_word_is_told_by_its_exit_code(program):
    program("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    outcome = job_of(FolderStore())[0].run()
    assert (outcome.status, outcome.reason) == ("Failed", "exit code -9")


def test_killing_the_task_ends_the_process_and_all_that_it_started(program):
    program(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    store = filled()
    task = task_of(RunMonitorsOperator, store)
    pids: list[int] = []

    def told(line: str) -> None:
        if line.isdigit():
            pids.append(int(line))
            task.on_kill()

    task._say = told
    with pytest.raises(JobError, match="Stopped: its task was ended"):
        task.execute(context(task, try_number=2))
    assert not _alive(pids[0])
    assert not any(uri.startswith(WINDOW) for uri in store.files)


def test_a_job_gets_none_of_the_workers_secrets(program, monkeypatch):
    program("import os\nprint(sorted(os.environ))\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_X", "secret")
    job, said, _ = job_of(FolderStore())
    assert job.run().succeeded
    assert "SAGEMAKER_BASE_DIR" in said[0]
    assert "AWS_" not in said[0]
    assert "AIRFLOW" not in said[0]


@pytest.mark.parametrize(
    ("mounts", "reason"),
    [
        pytest.param([Mount("x", "s3://bucket/nothing/", "/opt/ml/processing/x")], "matched no objects", id="empty"),
        pytest.param([Mount("x", "s3://bucket/m", "/opt/ml/processing/x", manifest=True)], "is not there", id="object"),
        pytest.param([Mount("x", "s3://bucket/e", "/opt/ml/processing/x", manifest=True)], "leads out", id="escape"),
    ],
)
def test_inputs_that_are_not_there_or_lead_elsewhere_fail_before_anything_runs(mounts, reason):
    store = FolderStore(
        {
            "s3://bucket/m": json.dumps([{"prefix": "s3://bucket/"}, "gone"]),
            "s3://bucket/e": json.dumps([{"prefix": "s3://bucket/"}, "../../../e"]),
        }
    )
    job, said, _ = job_of(store, mounts=mounts)
    outcome = job.run()
    assert outcome.status == "Failed"
    assert reason in (outcome.reason or "")
    assert said == []


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("s3://bucket/data/", ["a.csv", "b/c.csv"]),
        ("s3://bucket/data", ["a.csv", "b/c.csv"]),
        ("s3://bucket/data/a", ["a.csv"]),
        ("s3://bucket/data/a.csv", ["a.csv"]),
    ],
)
def test_a_prefix_is_laid_out_as_sagemaker_does(uri, names):
    store = FolderStore({f"s3://bucket/data/{name}": name for name in ("a.csv", "b/c.csv", "b/")})
    job, _, _ = job_of(store)
    assert [name for _, name in job._prefix(uri)] == names


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
