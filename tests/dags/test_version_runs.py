"""Whole runs of the rollback DAG in a real Airflow, with AWS in memory: what serves, what is skipped, what is told."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.models.asset import AssetEvent
from airflow.models.dagrun import DagRun
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from endpointwatch.actions.lease import Holder, Lease
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.reports.deployment import Deployment
from endpointwatch_airflow.deployments import place
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.pipelines import rollback
from sagemaker_fakes import DECLARED, S3, START, SageMaker

pytestmark = pytest.mark.slow

NAME = "loan-approval"
ENDPOINT = Endpoint.model_validate(DECLARED)


@pytest.fixture(scope="module")
def database():
    initdb()


@pytest.fixture
def sagemaker(monkeypatch):
    fake, store = SageMaker(), S3()
    monkeypatch.setattr(SageMakerHook, "client", fake)
    monkeypatch.setattr(SageMakerHook, "wait_for_endpoint", lambda hook, name, **_: fake.settle(name))
    monkeypatch.setattr(StoreHook, "client", store)
    for number in (1, 2):
        fake.endpoints.clear()
        config = fake.serve(NAME, f"v{number}")
        package = fake.models[f"v{number}"]["PrimaryContainer"]["ModelPackageName"]
        record = Deployment(
            endpoint=NAME, model_version=f"v{number}", in_service_from=START + timedelta(hours=number),
            endpoint_config=config, model_package_arn=package,
        )  # fmt: skip
        store.put(place(Layout.of(ENDPOINT), record), record.to_json())
        fake.endpoints[NAME]["LastModifiedTime"] = START + timedelta(hours=number)
    return fake


def run(**form):
    """States by task, and the asset events of the run."""
    dag = rollback.build(ENDPOINT)
    for task in dag.tasks:
        task.deferrable = False
        task.retries = 0
    done = dag.test(run_conf=form)
    with create_session() as session:
        events = list(session.scalars(select(AssetEvent.extra).where(AssetEvent.source_run_id == done.run_id)))
    return str(done.state), {ti.task_id: str(ti.state) for ti in done.get_task_instances()}, events


def ended_run() -> str:
    """The id of a run of the rollback DAG that has ended."""
    with create_session() as session:
        ended = select(DagRun.run_id).where(DagRun.dag_id == f"{NAME}__rollback", DagRun.state == "success")
        return str(session.scalars(ended).first())


def serving(sagemaker):
    return sagemaker.configs[sagemaker.endpoints[NAME]["EndpointConfigName"]]["ProductionVariants"][0]["ModelName"]


def test_a_rollback_ends_with_the_version_before_in_service_and_wakes_the_onboarding(database, sagemaker):
    sagemaker.endpoints[NAME]["LastModifiedTime"] = START + timedelta(hours=5)
    state, tasks, events = run(reason="too slow", instead_of="v2")
    assert state == "success", tasks
    assert set(tasks.values()) == {"success"}
    assert serving(sagemaker) == "v1"
    assert [event["model_version"] for event in events] == ["v1"]


def test_a_rollback_that_was_asked_for_twice_skips_everything_the_second_time(database, sagemaker):
    state, tasks, events = run(instead_of="v1")
    assert (state, set(tasks.values()), events) == ("success", {"skipped"}, [])
    assert serving(sagemaker) == "v2"


def test_a_dry_run_changes_nothing(database, sagemaker):
    state, tasks, events = run(dry_run=True)
    assert (state, set(tasks.values()), events) == ("success", {"skipped"}, [])
    assert sagemaker.count("UpdateEndpoint") == 0


def test_a_lease_that_a_run_has_taken_to_its_grave_holds_nobody_up(database, sagemaker):
    run(dry_run=True)
    holder = Holder(dag_id=f"{NAME}__rollback", run_id=ended_run(), task_id="serve_version")
    lease = Lease.of(holder, now=datetime.now(UTC), seconds=24 * 3600)
    StoreHook.client.put(f"{Layout.of(ENDPOINT).lease()}/lease.json", lease.to_json())
    sagemaker.endpoints[NAME]["LastModifiedTime"] = START + timedelta(hours=5)
    state, tasks, _ = run(instead_of="v2")
    assert (state, set(tasks.values())) == ("success", {"success"})
    assert serving(sagemaker) == "v1"
