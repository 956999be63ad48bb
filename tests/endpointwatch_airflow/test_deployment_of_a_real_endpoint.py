"""Deploying, going back and taking turns with real clients on the local AWS, while traffic runs."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Self
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.module_loading import import_string

from airflow_fakes import context
from endpointwatch.actions.lease import Holder
from endpointwatch.config.deployment import Shadow
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch_airflow.deployments import place, recorded
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.lease import LeaseHook
from endpointwatch_airflow.operators.capture_proof import VerifyCaptureOperator
from endpointwatch_airflow.operators.clean_versions import CleanVersionsOperator
from endpointwatch_airflow.operators.deployment import DeployModelOperator
from endpointwatch_airflow.operators.deployment_record import RecordDeploymentOperator
from endpointwatch_airflow.operators.scaling import ScaleEndpointOperator
from endpointwatch_airflow.operators.shadow import ShadowModelOperator
from endpointwatch_airflow.operators.version import ChooseVersionOperator, ServeVersionOperator
from endpointwatch_airflow.triggers.lease import LeaseTrigger
from sagemaker_fakes import DECLARED

pytestmark = pytest.mark.pocketaws

# Answers with its version; the version "bad" with a status of 500. The version is part of the image's tag.
SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Model(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        version = os.environ.get("VERSION", "")
        self.send_response(500 if version == "bad" else 200)
        self.send_header("Content-Type", "text/csv"); self.end_headers()
        self.wfile.write(version.encode())
    def log_message(self, *_): pass
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Model).serve_forever()
"""
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/says-its-version:1"
CANARY = {"strategy": "canary", "step": {"percent": 50}, "wait_seconds": 1}


@pytest.fixture(scope="module")
def aws(start_pocketaws):
    return start_pocketaws(images=[{"pattern": "*/says-its-version:*", "command": [sys.executable, "-c", SERVER]}])


class World:
    """An endpoint of one's own, declared, and the packages of its versions."""

    def __init__(self, aws: Any) -> None:
        self.aws, self.name = aws, f"loans-{uuid4().hex[:8]}"
        self.sagemaker, self.runtime = aws.client("sagemaker"), aws.client("sagemaker-runtime")
        aws.client("s3").create_bucket(Bucket=self.name)
        self.sagemaker.create_model_package_group(ModelPackageGroupName=self.name)

    def declared(self, **deployment: Any) -> Endpoint:
        return Endpoint.model_validate(
            {
                **DECLARED,
                "name": self.name,
                "results_uri": f"s3://{self.name}/results",
                "capture": {"destination_uri": f"s3://{self.name}/capture"},
                "deployment": deployment,
            }
        )

    def package(self, version: str) -> str:
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=self.name,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "Environment": {"VERSION": version}}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]

    def deploy(self, version: str, champion: str | None, wait: Any, **deployment: Any) -> Any:
        operator = DeployModelOperator(
            task_id="deploy",
            endpoint=self.declared(**deployment),
            retraining={
                "run": "r", "request": {},
                "champion": champion
                and {"model_version": self.model(champion), "model_data_url": "s3://b/m", "endpoint_config": "c"},
            },
            registered={
                "model_package_arn": self.package(version), "model_package_version": 1,
                "model_version": self.model(version),
            },
            aws_conn_id=None, waiter_delay=1, waiter_max_attempts=90,
        )  # fmt: skip
        return wait(operator, context(operator))

    def record(self, how: str = "deploy") -> None:
        operator = RecordDeploymentOperator(
            task_id="record_deployment", endpoint=self.declared(), how=how, aws_conn_id=None
        )
        operator.execute(context(operator))

    def go_back(self, wait: Any) -> Any:
        choose = ChooseVersionOperator(
            task_id="choose_version", endpoint=self.declared(), how="rollback", request={}, aws_conn_id=None
        )
        change = choose.execute(context(choose))
        serve = ServeVersionOperator(
            task_id="serve_version", endpoint=self.declared(), wanted_change=change, aws_conn_id=None, waiter_delay=1,
        )  # fmt: skip
        return wait(serve, context(serve))

    def model(self, version: str) -> str:
        return f"{self.name}-{version}"

    def ask(self) -> str:
        answer = self.runtime.invoke_endpoint(EndpointName=self.name, Body="1,2", ContentType="text/csv")
        return str(answer["Body"].read().decode())


class Traffic:
    """Calls the endpoint all the while."""

    def __init__(self, world: World) -> None:
        self.world, self.seen, self.errors = world, [], []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.seen.append(self.world.ask())
            except Exception as error:  # noqa: BLE001 - any error at all is what the tests look for
                self.errors.append(repr(error))
            time.sleep(0.01)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def world(aws, monkeypatch):
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    made = World(aws)
    yield made
    aws.client("sagemaker").delete_endpoint(EndpointName=made.name)


async def fired(trigger: Any) -> Any:
    return [event.payload async for event in trigger.run()][-1]


def waiting(operator: Any, about: Any) -> Any:
    operator.deferrable = False
    return operator.execute(about)


def deferring(operator: Any, about: Any) -> Any:
    """As the triggerer and the next worker process would."""
    operator.deferrable = True
    go: Any = operator.execute
    arguments: tuple[Any, ...] = ()
    while True:
        try:
            return go(about, *arguments)
        except TaskDeferred as deferred:
            path, told = deferred.trigger.serialize()
            arguments = (asyncio.run(fired(import_string(path)(**told))),)
            go = partial(getattr(operator, deferred.method_name), **(deferred.kwargs or {}))


@pytest.mark.parametrize("wait", [waiting, deferring])
def test_a_canary_brings_the_new_version_and_a_rollback_the_old_one_with_no_error_to_a_client(world, wait):
    world.deploy("v1", None, wait)
    world.record()
    with Traffic(world) as traffic:
        result = world.deploy("v2", "v1", wait, **CANARY)
        assert result["model_version"] == world.model("v2")
        assert world.ask() == "v2"
        world.record()
        world.go_back(wait)
        world.record("rollback")
        assert world.ask() == "v1"
    assert traffic.errors == []
    assert {"v1", "v2"} == set(traffic.seen)
    alarms = world.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"endpointwatch-rollback/{world.name}/")
    assert len(alarms["MetricAlarms"]) == 2
    store = LeaseHook(aws_conn_id=None)
    history = [(record.model_version, record.how) for record in recorded(store, Layout.of(world.declared()))]
    assert history == [(world.model("v1"), "deploy"), (world.model("v2"), "deploy"), (world.model("v1"), "rollback")]


def test_a_version_that_answers_500_is_sent_back_and_the_task_says_by_which_alarm(world):
    world.deploy("v1", None, waiting)
    with Traffic(world) as traffic, pytest.raises(NotRetriedError, match=r"rolled the update.*5xx.*champion stays"):
        world.deploy("bad", "v1", waiting, **{**CANARY, "wait_seconds": 60})
    assert set(traffic.seen) == {"v1"}
    assert traffic.errors
    assert all("500" in error for error in traffic.errors)
    assert {world.ask() for _ in range(20)} == {"v1"}


def test_of_many_who_reach_for_the_lease_at_once_one_gets_it(aws, world):
    world.deploy("v1", None, waiting)
    folder, now = Layout.of(world.declared()).lease(), datetime.now(UTC)
    hooks = [LeaseHook(aws_conn_id=None) for _ in range(8)]
    for hook in hooks:
        hook.conn  # noqa: B018 - made before the race
    for _ in range(5):
        start = threading.Barrier(len(hooks))

        def reach(number: int, start: threading.Barrier = start) -> Holder | None:
            me = Holder(dag_id="d", run_id=str(number), task_id="t")
            start.wait()
            return me if hooks[number].take(folder, me, now=now, seconds=60).free else None

        with ThreadPoolExecutor(len(hooks)) as pool:
            holders = [me for me in pool.map(reach, range(len(hooks))) if me is not None]
        assert len(holders) <= 1
        # Nobody at all is possible when all found one another's places in the queue; then the first of it gets it.
        for number in range(len(hooks)):
            me = Holder(dag_id="d", run_id=str(number), task_id="t")
            if me not in holders:
                hooks[0].give_back(folder, me)
        if not holders:
            holders = [Holder(dag_id="d", run_id="0", task_id="t")]
            assert hooks[0].take(folder, holders[0], now=now, seconds=60).free
        assert hooks[0].give_back(folder, holders[0])


def test_the_trigger_fires_when_the_lease_comes_free_and_when_it_is_time_to_look(world):
    world.deploy("v1", None, waiting)
    folder, hook = Layout.of(world.declared()).lease(), LeaseHook(aws_conn_id=None)
    holder, me = (Holder(dag_id="d", run_id=run, task_id="t") for run in ("holder", "me"))
    assert hook.take(folder, holder, now=datetime.now(UTC), seconds=600).free
    arguments = {"folder": folder, "holder": me.model_dump(), "delay": 0.2, "aws_conn_id": None}
    assert asyncio.run(fired(LeaseTrigger(**arguments, look_seconds=0.5))) == {"status": "look"}
    # It has kept its place: whoever comes later is told to wait for it.
    assert hook.give_back(folder, holder)
    late = SimpleNamespace(now=datetime.now(UTC) + timedelta(seconds=1))
    assert hook.take(folder, Holder(dag_id="d", run_id="late", task_id="t"), now=late.now, seconds=60).by == me
    assert asyncio.run(fired(LeaseTrigger(**arguments, look_seconds=30))) == {"status": "free"}


def shadow(world: World, version: str, wait: Any) -> Any:
    operator = ShadowModelOperator(
        task_id="shadow", endpoint=world.declared(), settings=Shadow(seconds=4, maximum_errors=0.01),
        registered={"model_package_arn": world.package(version), "model_version": world.model(version)},
        aws_conn_id=None, waiter_delay=1, waiter_max_attempts=90,
    )  # fmt: skip
    return wait(operator, context(operator))


@pytest.mark.parametrize("wait", [waiting, deferring])
def test_a_shadow_is_asked_and_taken_away_and_no_client_hears_of_it(world, wait):
    world.deploy("v1", None, wait)
    before = world.sagemaker.describe_endpoint(EndpointName=world.name)["EndpointConfigName"]
    with Traffic(world) as traffic:
        seen = shadow(world, "v2", wait)
    assert seen["invocations"] > 10
    assert seen["errors"] == 0
    assert (set(traffic.seen), traffic.errors) == ({"v1"}, [])
    after = world.sagemaker.describe_endpoint(EndpointName=world.name)
    assert "ShadowProductionVariants" not in after
    assert after["EndpointConfigName"] == before


def test_a_version_that_fails_as_a_shadow_is_not_deployed_and_no_client_has_seen_an_error(world):
    world.deploy("v1", None, waiting)
    with Traffic(world) as traffic, pytest.raises(NotRetriedError, match=r"failed as a shadow.*The champion stays"):
        shadow(world, "bad", waiting)
    assert (set(traffic.seen), traffic.errors) == ({"v1"}, [])
    assert "ShadowProductionVariants" not in world.sagemaker.describe_endpoint(EndpointName=world.name)


@pytest.mark.parametrize("wait", [waiting, deferring])
def test_after_a_deployment_capture_is_seen_instances_are_scaled_and_old_versions_are_forgotten(world, wait):
    world.deploy("v1", None, waiting)
    world.record()
    common = {"endpoint": world.declared(keep_versions=1), "aws_conn_id": None, "waiter_delay": 1}

    def verify() -> str:
        record = recorded(LeaseHook(aws_conn_id=None), Layout.of(world.declared()))[-1]
        uri = place(Layout.of(world.declared()), record)
        operator = VerifyCaptureOperator(task_id="verify_capture", deployment_uri=uri, waiter_max_attempts=30, **common)
        return str(wait(operator, context(operator)))

    assert verify() == ""  # nobody has asked it yet
    world.ask()
    end = time.monotonic() + 20
    while not list(LeaseHook(aws_conn_id=None).objects(f"s3://{world.name}/capture/")):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "/AllTraffic/" in verify()

    for before, version in (("v1", "v2"), ("v2", "v3")):
        time.sleep(1.1)  # records are named by the second
        world.deploy(version, before, waiting)
        world.record()
    proof = verify()
    captured = LeaseHook(aws_conn_id=None).read(proof)
    assert "endpointwatch-attribution/capture-" in captured

    scale = ScaleEndpointOperator(task_id="scale", desired_instance_count=2, **common)
    assert wait(scale, context(scale)) == {"instances": 2, "changed": True}
    (variant,) = world.sagemaker.describe_endpoint(EndpointName=world.name)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2

    clean = CleanVersionsOperator(task_id="clean_versions", **common)
    assert wait(clean, context(clean))["models"] == [world.model("v1")]
    models = {model["ModelName"] for model in world.sagemaker.list_models(NameContains=world.name)["Models"]}
    assert models == {world.model("v2"), world.model("v3")}
    assert world.ask() == "v3"
