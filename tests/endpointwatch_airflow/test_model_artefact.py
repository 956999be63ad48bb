"""The model artefact: found for the version that served, and mounted for the monitor that loads it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from botocore.exceptions import ClientError

from airflow_fakes import ROOT, FakeSageMaker, FakeStore, at_the_border, context, deployment, endpoint
from endpointwatch.jobs.plan import MODEL_PATH, PLAN
from endpointwatch_airflow.hooks.sagemaker import SageMakerHook
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator

CAPTURES = {"s3://bucket/capture/loans/AllTraffic/2026/03/01/14/00-01.jsonl": "a"}
BOTH = [{"kind": "data_quality"}, {"kind": "attribution"}]
LIVE = [{"kind": "attribution", "model": {"source": "endpoint"}}]
URI = "s3://bucket/artifacts/model.tar.gz"


def started(task: Any, sagemaker: FakeSageMaker, store: FakeStore) -> tuple[Any, dict[str, Any]]:
    """The plan and the mounts of the job that the task starts."""
    at_the_border(task, sagemaker, store)
    with pytest.raises(TaskDeferred):
        task.execute(context(task))
    (request,) = sagemaker.started
    plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{request['ProcessingJobName']}/plan.json"])
    return plan, {mount["InputName"]: mount["S3Input"] for mount in request["ProcessingInputs"]}


def window(declared: list[dict[str, Any]], **arguments: Any) -> Any:
    return RunMonitorsOperator(
        task_id="run", endpoint=endpoint(monitors=declared), aws_conn_id=None, deferrable=True, **arguments
    )


def test_a_windows_job_gets_the_artefact_of_the_version_that_served():
    sagemaker = FakeSageMaker()
    store = FakeStore({**CAPTURES, **deployment("v2", 3), **deployment("v3", 16)})
    plan, mounts = started(window(BOTH), sagemaker, store)
    assert plan.model_data_uri == URI
    assert (mounts["model"]["S3Uri"], mounts["model"]["LocalPath"]) == (URI, MODEL_PATH)
    assert sagemaker.artefacts_asked == [("v2", None)]


def test_a_baselines_job_gets_it_too():
    store = FakeStore(deployment("v1", 3))
    (uri,) = store.files
    task = LearnBaselineOperator(
        task_id="learn", endpoint=endpoint(monitors=BOTH, baseline_dataset_uri="s3://bucket/data.csv"),
        deployment_uri=uri, aws_conn_id=None, deferrable=True,
    )  # fmt: skip
    plan, mounts = started(task, FakeSageMaker(), store)
    assert (plan.model_data_uri, mounts["model"]["S3Uri"]) == (URI, URI)


@pytest.mark.parametrize(
    ("monitors", "due"),
    [
        pytest.param([{"kind": "data_quality"}], None, id="no such monitor"),
        pytest.param(BOTH, ["data_quality"], id="not due"),
        pytest.param(LIVE, None, id="the live endpoint is asked"),
    ],
)
def test_a_job_that_loads_no_model_gets_none_and_nobody_looks_for_it(monitors, due):
    sagemaker = FakeSageMaker()
    plan, mounts = started(window(monitors, monitors=due), sagemaker, FakeStore({**CAPTURES, **deployment("v1", 3)}))
    assert plan.model_data_uri is None
    assert "model" not in mounts
    assert sagemaker.artefacts_asked == []


def test_an_artefact_that_is_gone_does_not_keep_the_job_from_running():
    plan, mounts = started(window(BOTH), FakeSageMaker(artefact=None), FakeStore({**CAPTURES, **deployment("v1", 3)}))
    assert plan.model_data_uri is None
    assert "model" not in mounts


class Client:
    """SageMaker's describe calls."""

    def __init__(self, model: dict[str, Any] | None, package: dict[str, Any] | None) -> None:
        self.model, self.package = model, package

    def describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803 (boto3's own name)
        return self._told(self.model)

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803 (boto3's own name)
        return self._told(self.package)

    @staticmethod
    def _told(answer: dict[str, Any] | None) -> dict[str, Any]:
        if answer is None:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find model"}}, "Describe")
        return answer


PACKAGE = {"InferenceSpecification": {"Containers": [{"ModelDataUrl": URI}]}}


@pytest.mark.parametrize(
    ("model", "package", "arn", "found"),
    [
        pytest.param(None, PACKAGE, "arn:package", URI, id="a package outlives its model"),
        pytest.param({"PrimaryContainer": {"ModelPackageName": "arn:p"}}, PACKAGE, None, URI, id="by the model"),
        pytest.param({"PrimaryContainer": {"ModelDataUrl": URI}}, None, None, URI, id="a model without a package"),
        pytest.param(
            {"Containers": [{"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/m/"}}}]}, None, None, "s3://b/m/",
            id="unpacked",
        ),
        pytest.param(None, None, None, None, id="a model that is gone"),
        pytest.param(None, None, "arn:package", None, id="a package that is gone"),
        pytest.param({"Containers": [{"ModelDataUrl": URI}, {"ModelDataUrl": URI}]}, None, None, None, id="a pipeline"),
    ],
)  # fmt: skip
def test_where_a_models_artefact_lies(model, package, arn, found):
    hook: Any = SimpleNamespace(client=Client(model, package))
    assert SageMakerHook.model_data_uri(hook, "loans-v1", arn) == found
