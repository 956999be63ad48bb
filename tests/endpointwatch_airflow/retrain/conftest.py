"""Hooks whose clients are a SageMaker and an S3 in memory, and what Airflow hands to an operator."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.hooks.store import StoreHook
from sagemaker_fakes import DECLARED, S3, START, SageMaker


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint.model_validate(DECLARED)


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    fake = SageMaker()
    monkeypatch.setattr(SageMakerHook, "client", fake)
    monkeypatch.setattr(SageMakerHook, "wait_for_endpoint", lambda hook, name, **_: fake.settle(name))
    # A job of the fake ends by being looked at.
    monkeypatch.setattr(SageMakerHook, "wait_for_job", lambda *_, **__: None)
    return fake


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    fake = S3()
    monkeypatch.setattr(StoreHook, "client", fake)
    return fake


@pytest.fixture
def context() -> Callable[..., dict[str, Any]]:
    """What Airflow hands to ``execute``; ``tries_used_up`` counts the tries before the task was cleared."""

    def make(task: Any, *, run_id: str = "manual__2026-11-22T06:00:00+00:00", tries_used_up: int = 0) -> dict[str, Any]:
        pushed: dict[str, Any] = {}
        instance = SimpleNamespace(
            dag_id="loan-approval__retrain",
            run_id=run_id,
            task_id=task.task_id,
            map_index=-1,
            max_tries=int(task.retries or 0) + tries_used_up,
            xcom_push=lambda key, value: pushed.update({key: value}),
        )
        return {
            "ti": instance,
            "task": task,
            "dag_run": SimpleNamespace(run_id=run_id, start_date=START, run_after=START),
            "params": {},
            "outlet_events": defaultdict(SimpleNamespace),
            "pushed": pushed,
        }

    return make
