"""The border of the Airflow side, in memory: SageMaker and S3 as the hooks show them, and a task's context."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.hooks.answers import (
    CaptureSettings,
    EndpointConfig,
    LiveEndpoint,
    ModelVersion,
    Outcome,
    StoredObject,
    Variant,
)
from endpointwatch_airflow.hooks.store import bucket_and_key

ROOT = "s3://bucket/results/loans"
NOW = datetime(2026, 3, 1, 15, 10, tzinfo=UTC)


def endpoint(**changes: Any) -> Endpoint:
    """A valid endpoint, with some sections replaced."""
    return Endpoint.model_validate(
        {
            "name": "loans",
            "aws": {"conn_id": None, "region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
            "results_uri": "s3://bucket/results",
            "capture": {"destination_uri": "s3://bucket/capture", "settle_seconds": 60},
            "schedule": {"cron": "0 * * * *", "start_date": "2026-03-01"},
            "job": {"image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/analyzer:1"},
            "monitors": [{"kind": "data_quality"}],
            "decision": {"violations": 2, "windows": 3, "action": "notify"},
            **changes,
        }
    )


def deployment(version: str, hour: int, day: int = 1) -> dict[str, str]:
    """The record of a deployment in March 2026, as a file below ``ROOT``."""
    record = Deployment(
        endpoint="loans", model_version=version, in_service_from=datetime(2026, 3, day, hour, tzinfo=UTC),
        endpoint_config="c",
    )  # fmt: skip
    return {f"{ROOT}/deployments/202603{day:02}T{hour:02}-{version}.json": record.to_json()}


class FakeStore:
    """S3 in memory."""

    def __init__(self, files: dict[str, str] | None = None, *, modified_at: datetime = NOW) -> None:
        self.files = dict(files or {})
        self.modified_at = modified_at

    def read(self, uri: str) -> str | None:
        return self.files.get(uri)

    def write(self, uri: str, text: str, *, content_type: str = "application/json") -> None:
        self.files[uri] = text

    def delete(self, uri: str) -> None:
        self.files.pop(uri, None)

    def download(self, uri: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.files[uri])

    def exists(self, uri: str) -> bool:
        return uri in self.files

    def objects(self, prefix: str, *, after: str | None = None) -> list[StoredObject]:
        return [
            StoredObject(*bucket_and_key(uri), hashlib.md5(text.encode()).hexdigest(), len(text), self.modified_at)  # noqa: S324
            for uri, text in sorted(self.files.items())
            if uri.startswith(prefix) and (after is None or uri > after)
        ]

    def folders(self, prefix: str) -> tuple[str, ...]:
        root = prefix.rstrip("/") + "/"
        below = {uri.removeprefix(root).split("/")[0] for uri in self.files if uri.startswith(root)}
        return tuple(f"{root}{name}/" for name in sorted(below))


@dataclass
class FakeSageMaker:
    """SageMaker in memory. ``started`` and ``stopped`` say what it was asked to do."""

    jobs: dict[str, Outcome] = field(default_factory=dict)
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    waited: list[str] = field(default_factory=list)
    ends: str = "Completed"
    live: LiveEndpoint | None = field(
        default_factory=lambda: LiveEndpoint("loans", "InService", "loans-1", NOW, NOW, capturing=True)
    )
    configs: dict[str, EndpointConfig] = field(default_factory=dict)
    model: ModelVersion = field(default_factory=lambda: ModelVersion("loans-v1", "arn:package", {}))
    conn_region_name: str = "us-east-1"
    conn_partition: str = "aws"
    updates: list[str] = field(default_factory=list)
    artefact: str | None = "s3://bucket/artifacts/model.tar.gz"
    artefacts_asked: list[tuple[str, str | None]] = field(default_factory=list)
    on_update: Any = None
    on_wait: Any = None

    def outcome(self, kind: str, name: str) -> Outcome | None:
        return self.jobs.get(name)

    def start_job(self, kind: Any, request: dict[str, Any]) -> bool:
        name = request[f"{kind}Name"]
        self.started.append(request)
        if name in self.jobs:
            return False
        self.jobs[name] = Outcome(kind, name, "InProgress")
        return True

    def stop_job(self, kind: str, name: str) -> None:
        self.stopped.append(name)

    def wait_for_job(self, kind: str, name: str, *, delay: int, attempts: int) -> None:
        self.waited.append(name)
        if self.on_wait is not None:
            self.on_wait(name)
        self.end(name, self.ends)

    def end(self, name: str, status: str, reason: str | None = None) -> None:
        self.jobs[name] = replace(self.jobs[name], status=status, reason=reason)

    def endpoint(self, name: str) -> LiveEndpoint | None:
        return self.live

    def endpoint_config(self, name: str) -> EndpointConfig:
        return self.configs[name]

    def copy_endpoint_config(self, source: str, *, stem: str, capture: CaptureSettings) -> str:
        name = f"{stem}-{hashlib.sha256(repr((source, capture)).encode()).hexdigest()[:12]}"
        self.configs[name] = replace(self.configs[source], name=name, capture=capture)
        return name

    def update_capture(self, endpoint: str, config_name: str) -> None:
        self.updates.append(config_name)
        assert self.live is not None
        self.live = replace(self.live, status="Updating")
        self.pending = config_name

    def wait_for_endpoint(self, name: str, *, delay: int, attempts: int) -> None:
        self.settle()

    def settle(self) -> None:
        """The update under way ends well."""
        assert self.live is not None
        self.live = replace(self.live, status="InService", config_name=self.pending, capturing=True)

    def model_data_uri(self, model: str, package_arn: str | None) -> str | None:
        self.artefacts_asked.append((model, package_arn))
        return self.artefact

    def model_behind(self, live: LiveEndpoint, variant_name: str) -> ModelVersion:
        return self.model


class FakeMetrics:
    """CloudWatch as a place to put metrics: ``put`` has the lines by namespace."""

    def __init__(self) -> None:
        self.put: dict[str, list[dict[str, Any]]] = {}

    def publish(self, namespace: str, lines: list[str]) -> None:
        self.put.setdefault(namespace, []).extend(json.loads(line) for line in lines)


def config(name: str, capture: CaptureSettings | None) -> EndpointConfig:
    return EndpointConfig(name, (Variant("AllTraffic", "loans-v1"),), capture)


class FakeInstance(SimpleNamespace):
    """A task instance: its identity, and what it pushed."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.pushed[key]


def context(task: Any, *, params: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The context of a scheduled run of the window from 14:00 to 15:00, on its first try."""
    instance = FakeInstance(
        dag_id="loans__monitor", run_id="scheduled__14", task_id=task.task_id, map_index=-1, try_number=1,
        max_tries=task.retries, pushed={}, task=task,
    )  # fmt: skip
    run = SimpleNamespace(
        run_type="scheduled",
        run_after=datetime(2026, 3, 1, 15, tzinfo=UTC),
        start_date=datetime(2026, 3, 1, 15, 0, 5, tzinfo=UTC),
    )
    for owner in (instance, run):
        for name in list(changes):
            if hasattr(owner, name):
                setattr(owner, name, changes.pop(name))
    return {
        "ti": instance,
        "task": task,
        "dag_run": run,
        "params": params or {},
        "data_interval_start": datetime(2026, 3, 1, 14, tzinfo=UTC),
        "data_interval_end": datetime(2026, 3, 1, 15, tzinfo=UTC),
        **changes,
    }


def at_the_border(operator: Any, sagemaker: FakeSageMaker | None = None, store: FakeStore | None = None) -> Any:
    """The operator, with the border replaced."""
    operator.__dict__["hook"] = sagemaker or FakeSageMaker()
    operator.__dict__["store"] = store or FakeStore()
    operator.__dict__["metrics"] = FakeMetrics()
    return operator
