"""The whole chain on real jobs and a real endpoint: a first version, a challenger that wins, one that does not."""

from __future__ import annotations

import csv
import io
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.operators.admission import AdmitRetrainingOperator
from endpointwatch_airflow.operators.dataset import BuildDatasetOperator
from endpointwatch_airflow.operators.deployment import DeployModelOperator
from endpointwatch_airflow.operators.evaluation import CompareModelsOperator, EvaluateModelsOperator
from endpointwatch_airflow.operators.registry import RegisterModelOperator
from endpointwatch_airflow.operators.training import TrainModelOperator
from endpointwatch_airflow.pipelines.assets import deployed

pytestmark = pytest.mark.pocketaws

BUCKET = "retrain-chain"
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
REQUESTS = 320
DECLARED: dict[str, Any] = {
    "name": "chain",
    "aws": {"conn_id": None, "region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
    "results_uri": f"s3://{BUCKET}/results",
    "capture": {"destination_uri": f"s3://{BUCKET}/capture"},
    "schedule": {"start_date": "2026-11-01"},
    "job": {"image_uri": f"{ECR}/endpointwatch-analyzer:0.1.0"},
    "monitors": [{"kind": "data_quality"}],
    "training": {
        "image_uri": f"{ECR}/endpointwatch-sklearn:0.1.0",
        "hyperparameters": {"estimator": "logistic_regression"},
        "initial_dataset_uri": f"s3://{BUCKET}/initial/",
        "artifacts_uri": f"s3://{BUCKET}/artifacts",
        "ground_truth_uri": f"s3://{BUCKET}/ground-truth/chain",
        # Not the order of the data's columns: requests are in this one.
        "features": ["debt", "income"],
        "label": "approve",
        "model_package_group": "chain",
    },
}


def applicants(count: int, seed: int) -> list[tuple[int, float]]:
    """Income (a whole number) and debt."""
    chance = random.Random(seed)
    return [(chance.randint(10, 99), round(chance.uniform(0, 50), 2)) for _ in range(count)]


def approved(income: int, debt: float) -> int:
    return int(income > 2 * debt)


class Loop:
    """Runs the chain as its DAG does, waiting on the spot."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.endpoint = Endpoint.model_validate(DECLARED)
        self.store = StoreHook(aws_conn_id=None, region_name="us-east-1")

    def run(self, run_id: str, *, keep: bool = False, **request: Any) -> dict[str, Any]:
        """The results of the run's tasks by task id, up to the branch that was taken."""
        results: dict[str, Any] = {}

        def step(kind: type, task_id: str, **arguments: Any) -> Any:
            operator = kind(
                task_id=task_id, endpoint=self.endpoint, aws_conn_id=None, region_name="us-east-1", deferrable=False,
                waiter_delay=1, **arguments,
            )  # fmt: skip
            results[task_id] = operator.execute(self.context(operator, run_id, results))
            return results[task_id]

        retraining = step(AdmitRetrainingOperator, "admit", request=request)
        if retraining["champion"]:
            step(BuildDatasetOperator, "build_dataset", retraining=retraining)
        trained = step(TrainModelOperator, "train", retraining=retraining)
        evaluated = step(EvaluateModelsOperator, "evaluate", retraining=retraining, trained=trained)
        branch = step(
            CompareModelsOperator, "compare", retraining=retraining, evaluated=evaluated, promoted="register",
            kept="keep_champion",
        )  # fmt: skip
        if branch == "keep_champion":
            return results
        registered = step(
            RegisterModelOperator, "register", retraining=retraining, trained=trained, evaluated=evaluated,
            comparison=results["comparison"], reports=results["reports"],
        )  # fmt: skip
        step(
            DeployModelOperator, "deploy", retraining=retraining, registered=registered,
            outlets=[deployed(self.endpoint.name)],
        )  # fmt: skip
        return results

    def context(self, operator: Any, run_id: str, results: dict[str, Any]) -> dict[str, Any]:
        instance = SimpleNamespace(
            dag_id="chain__retrain", run_id=run_id, task_id=operator.task_id, map_index=-1, max_tries=0,
            xcom_push=lambda key, value: results.update({key: value}),
        )  # fmt: skip
        moment = datetime(2026, 11, 22, tzinfo=UTC)
        return {
            "ti": instance, "task": operator, "params": {},
            "dag_run": SimpleNamespace(run_id=run_id, start_date=moment, run_after=moment),
            "outlet_events": {outlet: SimpleNamespace() for outlet in operator.outlets},
        }  # fmt: skip

    def put_initial(self) -> None:
        for part, count, seed in (("train", 400, 1), ("validation", 100, 2), ("test", 200, 3)):
            rows = [(approved(income, debt), income, debt) for income, debt in applicants(count, seed)]
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([("approve", "income", "debt"), *rows])
            self.s3.put_object(Bucket=BUCKET, Key=f"initial/{part}/{part}.csv", Body=text.getvalue().encode())

    def ask(self) -> list[dict[str, str]]:
        """Traffic in a world in which everybody who was refused is now approved; the windows it was captured in."""
        runtime = self.aws.client("sagemaker-runtime")
        truths = []
        for number, (income, debt) in enumerate(applicants(REQUESTS, seed=4)):
            runtime.invoke_endpoint(
                EndpointName="chain", ContentType="text/csv", Body=f"{debt},{income}".encode(),
                InferenceId=f"applicant-{number}",
            )  # fmt: skip
            data = {"data": str(1 - approved(income, debt)), "encoding": "CSV"}
            metadata = {"eventId": f"applicant-{number}"}
            truths.append(json.dumps({"groundTruthData": data, "eventMetadata": metadata, "eventVersion": "0"}))
        hours = self._captured_hours()
        key = f"ground-truth/chain/{max(hours):%Y/%m/%d/%H}/labels.jsonl"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body="\n".join(truths).encode())
        return [{"start": hour.isoformat(), "end": (hour + timedelta(hours=1)).isoformat()} for hour in sorted(hours)]

    def _captured_hours(self) -> set[datetime]:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = list(self.store.objects(f"s3://{BUCKET}/capture/chain/"))
            if sum((self.store.read(item.uri) or "").count("\n") for item in found) >= REQUESTS:
                return {
                    datetime.strptime("".join(item.key.split("/")[-5:-1]), "%Y%m%d%H").replace(tzinfo=UTC)
                    for item in found
                }
            time.sleep(0.3)
        raise AssertionError("the captures have not arrived")

    def live_model(self) -> str:
        config = self.sagemaker.describe_endpoint(EndpointName="chain")["EndpointConfigName"]
        variants = self.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        return str(variants[0]["ModelName"])


@pytest.fixture(scope="module")
def loop(pocketaws) -> Iterator[Loop]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in pocketaws.env.items():
            patch.setenv(name, value)
        patch.setattr(CompareModelsOperator, "do_branch", lambda _, __, branch: branch)
        pocketaws.client("s3").create_bucket(Bucket=BUCKET)
        yield Loop(pocketaws)


@pytest.fixture(scope="module")
def first(loop) -> dict[str, Any]:
    loop.put_initial()
    return loop.run("manual__first")


@pytest.fixture(scope="module")
def windows(loop, first) -> list[dict[str, str]]:
    return loop.ask()


@pytest.fixture(scope="module")
def second(loop, windows) -> dict[str, Any]:
    request = {"windows": windows, "model_version": "chain-v1", "decision": f"s3://{BUCKET}/results/decision.json"}
    return loop.run("drift__chain-v1__2026-11-22", **request)


def test_the_first_version_is_trained_registered_and_serves_with_capture_on(loop, first):
    assert first["deploy"]["model_version"] == "chain-v1"
    assert first["comparison"]["challenger"] > 0.9
    live = loop.sagemaker.describe_endpoint(EndpointName="chain")
    assert (live["EndpointStatus"], live["DataCaptureConfig"]["CaptureStatus"]) == ("InService", "Started")
    package = loop.sagemaker.describe_model_package(ModelPackageName=first["register"]["model_package_arn"])
    assert package["ModelApprovalStatus"] == "Approved"
    assert "no champion" in package["ApprovalDescription"]
    assert first["train"]["metrics"]["validation:auc"] == pytest.approx(first["comparison"]["challenger"], abs=0.1)


def test_the_baseline_rows_are_what_the_endpoint_gets_and_answers(loop, first):
    text = loop.store.read(first["evaluate"]["baseline_dataset_uri"])
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["prediction", "debt", "income", "approve"]
    assert len(rows) == 400
    score, debt, income, approve = rows[0]
    assert approve in ("0", "1")
    body = f"{debt},{income}".encode()
    answer = loop.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="chain", ContentType="text/csv", Body=body
    )
    assert answer["Body"].read().decode().strip() == score
    assert "." not in income


def test_a_challenger_that_learnt_the_new_world_takes_the_champions_place(loop, second):
    comparison = second["comparison"]
    assert comparison["champion"] < 0.2
    assert comparison["challenger"] > 0.8
    assert loop.live_model() == "chain-v2"
    counts = json.loads(loop.store.read(f"{second['build_dataset']['dataset_uri']}/dataset.json"))
    assert counts["labelled"] == REQUESTS
    assert comparison["rows"] == counts["parts"]["test"]
    assert 0 < comparison["interval"]["low"] < comparison["gain"]
    assert comparison["latency_ms"]["challenger"] > 0
    # The original world's rows: the challenger has learnt the opposite of it.
    assert comparison["held_out"]["champion"]["auc"] > 0.9 > comparison["held_out"]["challenger"]["auc"]


def test_the_registry_names_files_that_are_there_and_where_the_version_comes_from(loop, second, windows):
    package = loop.sagemaker.describe_model_package(ModelPackageName=second["register"]["model_package_arn"])
    drift, metrics = package["DriftCheckBaselines"], package["ModelMetrics"]
    uris = [leaf["S3Uri"] for leaf in (*metrics["ModelQuality"].values(), *drift["ModelQuality"].values())]
    assert len(uris) == 4
    told = package["CustomerMetadataProperties"]
    assert all(loop.store.exists(uri) for uri in (*uris, told["comparison_uri"], told["dataset_manifest_uri"]))
    assert told["dag_run"] == "chain__retrain/drift__chain-v1__2026-11-22"
    assert told["windows"].startswith(f"{len(windows)} windows from ")
    job = loop.sagemaker.describe_training_job(TrainingJobName=told["training_job"])
    assert package["MetadataProperties"]["GeneratedBy"] == job["TrainingJobArn"]
    manifest = json.loads(loop.store.read(told["dataset_manifest_uri"]))
    assert sum(one["kept"] for one in manifest["windows"]) == REQUESTS


def test_a_run_that_is_tried_again_from_the_start_makes_nothing_new(loop, first, second):
    # The champion it beat is replaced by now: a new run would stand down. A retry of the deployment finds itself done.
    def made():
        return {
            "jobs": len(loop.sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]),
            "packages": len(
                loop.sagemaker.list_model_packages(ModelPackageGroupName="chain")["ModelPackageSummaryList"]
            ),
            "configs": len(
                loop.sagemaker.list_endpoint_configs(NameContains="chain", MaxResults=100)["EndpointConfigs"]
            ),
        }

    before, results = made(), {}
    about = {"aws_conn_id": None, "region_name": "us-east-1", "deferrable": False, "waiter_delay": 1}
    for kind, task_id, given in (
        (TrainModelOperator, "train", {"retraining": second["admit"]}),
        (EvaluateModelsOperator, "evaluate", {"retraining": second["admit"], "trained": second["train"]}),
        (
            RegisterModelOperator,
            "register",
            {
                "retraining": second["admit"], "trained": second["train"], "evaluated": second["evaluate"],
                "comparison": second["comparison"], "reports": second["reports"],
            },
        ),
        (DeployModelOperator, "deploy", {"retraining": second["admit"], "registered": second["register"]}),
    ):  # fmt: skip
        operator = kind(task_id=task_id, endpoint=loop.endpoint, **about, **given)
        results[task_id] = operator.execute(loop.context(operator, "drift__chain-v1__2026-11-22", {}))
    assert results == {task_id: second[task_id] for task_id in results}
    assert made() == before


def test_the_same_decision_again_is_answered_already(loop, second, windows):
    with pytest.raises(AirflowSkipException, match="chain-v2"):
        loop.run("drift__chain-v1__again", windows=windows, model_version="chain-v1")


def test_a_challenger_that_is_no_better_leaves_the_champion_serving(loop, second, windows):
    # Trained and judged on the very same rows as the champion: the same model, a tie.
    third = loop.run("manual__third", windows=windows)
    assert third["compare"] == "keep_champion"
    assert third["comparison"]["gain"] == 0
    assert "register" not in third
    assert loop.live_model() == "chain-v2"


def test_a_version_that_cannot_start_is_rolled_back_and_the_champion_stays(loop, second):
    broken = loop.sagemaker.create_model_package(
        ModelPackageGroupName="chain",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": loop.endpoint.training.image_uri,
                    "ModelDataUrl": f"s3://{BUCKET}/initial/train/train.csv",
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    champion = {"model_version": "chain-v2", "model_data_url": "s3://b/m", "endpoint_config": "c"}
    operator = DeployModelOperator(
        task_id="deploy", endpoint=loop.endpoint, retraining={"run": "r", "request": {}, "champion": champion},
        registered={"model_version": "chain-v99", "model_package_arn": broken}, aws_conn_id=None,
        region_name="us-east-1", deferrable=False, waiter_delay=1,
    )  # fmt: skip
    with pytest.raises(NotRetriedError, match="champion stays"):
        operator.execute(loop.context(operator, "manual__broken", {}))
    assert loop.live_model() == "chain-v2"
