from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch.jobs.__main__ import main
from endpointwatch.jobs.plan import BaselinePlan, MonitorPlan

WINDOW = Window(start=datetime(2026, 11, 1, 14, tzinfo=UTC), end=datetime(2026, 11, 1, 15, tzinfo=UTC))
PLAN = "/opt/ml/processing/input/plan/plan.json"


class Job:
    """A directory laid out as ``/opt/ml``, and the entry point run in it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "config").mkdir(parents=True)
        (base / "processing" / "input" / "plan").mkdir(parents=True)

    def put(self, path: str, text: str | bytes) -> Path:
        target = self.base / "processing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def run(self, plan) -> int:
        self.put("input/plan/plan.json", plan.to_json())
        return self.run_with({"job_plan": PLAN})

    def run_with(self, environment: dict[str, str], process: dict[str, str] | None = None) -> int:
        config = {"ProcessingJobName": "job", "Environment": environment, "ProcessingInputs": []}
        (self.base / "config" / "processingjobconfig.json").write_text(json.dumps(config), encoding="utf-8")
        return main([], {"SAGEMAKER_BASE_DIR": str(self.base), **(process or {})})

    @property
    def message(self) -> str:
        return (self.base / "output" / "message").read_text(encoding="utf-8")

    @property
    def output(self) -> Path:
        return self.base / "processing" / "output"

    def document(self, path: str):
        return json.loads((self.output / path).read_bytes())

    @property
    def verdict(self):
        return self.document(f"data_quality/{WINDOW.path}/verdict.json")

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.output)): p.read_bytes() for p in sorted(self.output.rglob("*")) if p.is_file()}


@pytest.fixture
def job(tmp_path):
    count = 0

    def new() -> Job:
        nonlocal count
        count += 1
        return Job(tmp_path / f"ml{count}")

    return new


@pytest.fixture
def window():
    return WINDOW


@pytest.fixture
def endpoint():
    return Endpoint.model_validate(
        {
            "name": "loans",
            "aws": {"role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
            "results_uri": "s3://bucket/results",
            "capture": {"destination_uri": "s3://bucket/capture"},
            "schedule": {"start_date": "2026-11-01"},
            "job": {"image_uri": "analyzer"},
            "monitors": [{"kind": "data_quality"}],
            "training": {
                "image_uri": "sklearn",
                "initial_dataset_uri": "s3://bucket/initial",
                "artifacts_uri": "s3://bucket/artifacts",
                "ground_truth_uri": "s3://bucket/truth",
                "features": ["amount", "ratio", "colour"],
                "label": "approved",
                "minimum_rows": 20,
                "model_package_group": "loans",
            },
        }
    )


@pytest.fixture
def with_settings(endpoint):
    """The endpoint with other settings of its monitor."""

    def change(**settings) -> Endpoint:
        document = endpoint.model_dump(mode="json")
        document["monitors"][0].update(settings)
        return Endpoint.model_validate(document)

    return change


def values(number: int, *, shift: float = 0.0) -> tuple[float, int, float, str]:
    """The n-th row of traffic: output, amount, ratio, colour."""
    return (number % 97 / 97, 20 + number * 37 % 400, 10 + number * 13 % 101 / 7 + shift, ("red", "blue")[number % 2])


def dataset(rows: int = 600) -> str:
    lines = [f"{score:.4f},{amount},{ratio:.3f},{colour}" for score, amount, ratio, colour in map(values, range(rows))]
    return "\n".join(["prediction,amount,ratio,colour", *lines]) + "\n"


def record(number: int, *, shift: float = 0.0, minute: int | None = None, **metadata: str) -> str:
    score, amount, ratio, colour = values(number, shift=shift)
    text = f"{amount},{ratio:.3f},{colour}\n"
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": text, "encoding": "CSV"},
                "endpointOutput": {
                    "observedContentType": "text/csv; charset=utf-8",
                    "mode": "OUTPUT",
                    "data": f"{score:.4f}",
                    "encoding": "CSV",
                },
            },
            "eventMetadata": {
                "eventId": f"event-{number}",
                "inferenceTime": f"2026-11-01T14:{number % 60 if minute is None else minute:02d}:00Z",
                **metadata,
            },
            "eventVersion": "0",
        }
    )


CAPTURE = "input/capture/capture/loans/AllTraffic/2026/11/01/14/00-00-000-a.jsonl"


@pytest.fixture
def traffic():
    """Functions that write data sets and captured records."""

    class Traffic:
        path = CAPTURE
        dataset = staticmethod(dataset)
        record = staticmethod(record)

        @staticmethod
        def lines(count: int, **options) -> list[str]:
            return [record(number, **options) for number in range(count)]

    return Traffic


@pytest.fixture
def learnt(job, endpoint):
    """A baseline's files, as a job of the plan left them."""

    def learn(of: Endpoint = endpoint) -> Job:
        baseline = job()
        baseline.put("input/dataset/baseline.csv", dataset())
        plan = BaselinePlan(
            endpoint=of,
            monitors=("data_quality",),
            model_version="loans-v1",
            dataset_uri="s3://bucket/baseline.csv",
            learned_at="2026-11-01T00:00:00Z",
        )
        assert baseline.run(plan) == 0, baseline.message
        return baseline

    return learn


@pytest.fixture
def watched(job, learnt, endpoint):
    """A monitoring job over captured lines, against a baseline unless told otherwise."""

    def watch(lines: list[str], *, of: Endpoint = endpoint, baseline: bool = True, file: str = CAPTURE) -> Job:
        monitoring = job()
        monitoring.put(file, "".join(f"{line}\n" for line in lines))
        if baseline:
            for path, content in learnt(of).files().items():
                monitoring.put(f"baseline/{path}", content)
        plan = MonitorPlan(
            endpoint=of, window=WINDOW, monitors=("data_quality",), model_version="loans-v1", input_manifest="sha"
        )
        assert monitoring.run(plan) == 0, monitoring.message
        return monitoring

    return watch
