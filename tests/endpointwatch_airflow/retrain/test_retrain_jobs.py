"""Building the data set, training and evaluating: jobs by the same base, each with its own inputs and results."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.training import Recipe
from endpointwatch.config.window import Window
from endpointwatch.jobs.plan import PLAN
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.errors import JobError, MissingResultError, NotRetriedError
from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.labelled import labels_since
from endpointwatch_airflow.operators.dataset import BuildDatasetOperator
from endpointwatch_airflow.operators.evaluation import CompareModelsOperator, EvaluateModelsOperator
from endpointwatch_airflow.operators.training import TrainModelOperator, TuneModelOperator
from endpointwatch_airflow.selection import sorted_out
from sagemaker_fakes import DECLARED

AWS = {"aws_conn_id": None, "region_name": "us-east-1", "deferrable": False}
WINDOWS = [
    {"start": "2026-11-02T03:00:00Z", "end": "2026-11-02T04:00:00Z"},
    {"start": "2026-11-02T04:00:00Z", "end": "2026-11-02T05:30:00Z"},
]
CHAMPION = {
    "model_version": "loan-approval-v1",
    "model_data_url": "s3://b/v1/model.tar.gz",
    "endpoint_config": "c1",
    "model_package_arn": None,
}
CHALLENGE = {"run": "run-1", "request": {"windows": WINDOWS, "decision": "s3://d"}, "champion": CHAMPION}
FIRST = {"run": "run-1", "request": {}, "champion": None}
ROOT = "s3://endpointwatch/artifacts/loan-approval/run-1"
TRAINED = {"training_job": "job", "model_data_url": f"{ROOT}/models/job/output/model.tar.gz", "metrics": {}}


def input_uris(body):
    return {item["InputName"]: item["S3Input"]["S3Uri"] for item in body["ProcessingInputs"]}


# The data set


@pytest.fixture
def build(sagemaker, s3, endpoint, context):
    def run(retraining):
        operator = BuildDatasetOperator(task_id="build_dataset", endpoint=endpoint, retraining=retraining, **AWS)
        return operator.execute(context(operator))

    return run


@pytest.fixture
def captures(s3):
    root = "s3://endpointwatch/capture/loan-approval"
    for variant in ("AllTraffic", "Other"):
        for hour in ("02", "03", "04", "05", "06"):
            s3.put(f"{root}/{variant}/2026/11/02/{hour}/x.jsonl")


@pytest.fixture
def labels(s3):
    for hour in ("2026/11/02/02", "2026/11/02/03", "2026/12/24/18", "2027/01/01/00"):
        s3.put(f"s3://endpointwatch/ground-truth/loan-approval/{hour}/labels.jsonl")
    s3.put("s3://endpointwatch/ground-truth/loan-approval/README.md")


def entries(s3, uri):
    first, *keys = json.loads(s3.text(uri))
    return {first["prefix"] + key for key in keys}


def test_the_job_gets_exactly_the_windows_captures_and_every_label_since(build, sagemaker, s3, captures, labels):
    sagemaker_before = dict(s3.objects)
    s3.put(f"{ROOT}/dataset/dataset.json", "{}")
    assert build(CHALLENGE)["dataset_uri"] == f"{ROOT}/dataset"

    body = sagemaker.calls[1][1]
    uris = input_uris(body)
    assert entries(s3, uris["capture"]) == {
        uri
        for uri in sagemaker_before
        if "/capture/" in uri and any(f"/02/{hour}/" in uri for hour in ("03", "04", "05"))
    }
    assert entries(s3, uris["ground_truth"]) == {
        f"s3://endpointwatch/ground-truth/loan-approval/{hour}/labels.jsonl"
        for hour in ("2026/11/02/03", "2026/12/24/18", "2027/01/01/00")
    }
    assert body["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == f"{ROOT}/dataset"
    plan = PLAN.validate_json(s3.text(uris["plan"]))
    assert plan.kind == "dataset"
    assert [str(window) for window in plan.windows] == [
        "2026-11-02T03:00:00Z/2026-11-02T04:00:00Z", "2026-11-02T04:00:00Z/2026-11-02T05:30:00Z",
    ]  # fmt: skip


def test_a_first_version_builds_no_data_set(build, sagemaker):
    with pytest.raises(AirflowSkipException, match="initial_dataset_uri"):
        build(FIRST)
    assert sagemaker.calls == []


def test_windows_without_traffic_are_an_error_that_names_the_folder(build, labels):
    with pytest.raises(MissingResultError, match="s3://endpointwatch/capture/loan-approval"):
        build(CHALLENGE)


def test_windows_without_labels_are_an_error_that_asks_for_ground_truth(build, captures):
    with pytest.raises(MissingResultError, match="Deliver ground truth"):
        build(CHALLENGE)


def test_a_job_that_writes_no_data_set_is_an_error(build, captures, labels):
    with pytest.raises(MissingResultError, match=r"dataset\.json"):
        build(CHALLENGE)


@given(
    first=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - the strategy takes naive bounds
    hours=st.lists(st.integers(-2000, 9000), max_size=20),
)
def test_no_label_since_the_windows_start_is_missed_and_none_from_before_is_read(first, hours):
    first = first.replace(tzinfo=UTC)
    known = {first.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hour) for hour in hours}

    class Store:
        def objects(self, prefix, *, after):
            for hour in known:
                yield StoredObject(
                    "endpointwatch", f"{prefix.split('/', 3)[3]}{hour:%Y/%m/%d/%H}/l.jsonl", "e", 1, hour
                )

    window = Window.of(first.replace(microsecond=0), first.replace(microsecond=0) + timedelta(hours=1))
    found = labels_since(Store(), "s3://bucket/labels", (window.shifted(3), window))

    assert [item.modified_at for item in found] == sorted(
        hour for hour in known if hour + timedelta(hours=1) > window.start
    )


# Training


@pytest.fixture
def train(sagemaker, s3, endpoint, context):
    def run(retraining, *, deferrable=False, tries_used_up=0):
        operator = TrainModelOperator(
            task_id="train", endpoint=endpoint, retraining=retraining, **{**AWS, "deferrable": deferrable}
        )
        return operator.execute(context(operator, tries_used_up=tries_used_up))

    return run


@pytest.mark.parametrize(
    ("retraining", "train_uri"),
    [(FIRST, "s3://endpointwatch/loan-approval/initial/train/"), (CHALLENGE, f"{ROOT}/dataset/train/")],
)
def test_a_first_version_learns_from_the_initial_data_and_a_challenger_from_its_own(
    train, sagemaker, retraining, train_uri
):
    result = train(retraining)
    body = next(request for operation, request in sagemaker.calls if operation == "CreateTrainingJob")
    assert body["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] == train_uri
    assert result["model_data_url"] == f"{ROOT}/models/{result['training_job']}/output/model.tar.gz"


def test_a_retry_takes_the_same_training_job_and_a_cleared_task_another(train, sagemaker):
    assert train(FIRST)["training_job"] == train(FIRST)["training_job"]
    assert sagemaker.count("CreateTrainingJob") == 1
    train(FIRST, tries_used_up=1)
    assert sagemaker.count("CreateTrainingJob") == 2


def test_a_training_that_fails_gives_sagemakers_reason(train, sagemaker):
    sagemaker.job_ends = "Failed"
    with pytest.raises(JobError, match="ended Failed"):
        train(FIRST)


def test_a_deferred_training_hands_its_job_to_the_trigger(train, sagemaker):
    with pytest.raises(TaskDeferred) as deferred:
        train(FIRST, deferrable=True)
    assert deferred.value.trigger.job_name in sagemaker.jobs


# Evaluating


@pytest.fixture
def evaluate(sagemaker, s3, endpoint, context):
    def run(retraining, *, writes=("evaluation.json", "baseline.csv")):
        operator = EvaluateModelsOperator(
            task_id="evaluate", endpoint=endpoint, retraining=retraining, trained=TRAINED, **AWS
        )
        about = context(operator)
        plain = operator.request

        def request(context, job):
            for name in writes:
                s3.put(f"{ROOT}/evaluations/{job}/{name}")
            return plain(context, job)

        operator.request = request
        return operator.execute(about)

    return run


@pytest.mark.parametrize(
    ("retraining", "models", "test_uri"),
    [
        (FIRST, {"challenger"}, "s3://endpointwatch/loan-approval/initial/test/"),
        (CHALLENGE, {"challenger", "champion"}, f"{ROOT}/dataset/test/"),
    ],
)
def test_all_models_there_are_get_judged_on_the_test_rows(evaluate, sagemaker, retraining, models, test_uri):
    result = evaluate(retraining)
    body = next(request for operation, request in sagemaker.calls if operation == "CreateProcessingJob")
    uris = input_uris(body)
    assert uris.keys() - {"data", "baseline"} == models
    assert uris["data"] == test_uri
    assert uris["challenger"] == TRAINED["model_data_url"]
    folder = f"{ROOT}/evaluations/{body['ProcessingJobName']}"
    assert result == {
        "evaluation_uri": f"{folder}/evaluation.json", "baseline_dataset_uri": f"{folder}/baseline.csv"
    }  # fmt: skip


def test_held_out_rows_are_handed_on_when_the_image_writes_them(evaluate):
    result = evaluate(FIRST, writes=("evaluation.json", "baseline.csv", "held_out.csv"))
    assert result["held_out_dataset_uri"] == result["evaluation_uri"].replace("evaluation.json", "held_out.csv")


@pytest.mark.parametrize("missing", ["evaluation.json", "baseline.csv"])
def test_an_image_that_does_not_write_what_it_must_is_an_error_that_names_the_file(evaluate, missing):
    written = {"evaluation.json", "baseline.csv"} - {missing}
    with pytest.raises(MissingResultError, match=missing):
        evaluate(FIRST, writes=tuple(written))


# Comparing


@pytest.fixture
def compared(monkeypatch, sagemaker, s3, endpoint, context):
    # Skipping the other branch is Airflow's part and needs its database; what is chosen is ours.
    monkeypatch.setattr(CompareModelsOperator, "do_branch", lambda _, __, branch: branch)

    def run(retraining, metrics):
        s3.put("s3://e/evaluation.json", json.dumps({"rows": 400, "label": "approve", "metrics": metrics}))
        operator = CompareModelsOperator(
            task_id="compare", endpoint=endpoint, retraining=retraining, promoted="register", kept="keep_champion",
            evaluated={"evaluation_uri": "s3://e/evaluation.json"}, **AWS,
        )  # fmt: skip
        about = context(operator)
        return operator.execute(about), about["pushed"].get("comparison")

    return run


@pytest.mark.parametrize(
    ("retraining", "metrics", "branch"),
    [
        (CHALLENGE, {"champion": {"auc": 0.7}, "challenger": {"auc": 0.8}}, "register"),
        (CHALLENGE, {"champion": {"auc": 0.8}, "challenger": {"auc": 0.8}}, "keep_champion"),
        (CHALLENGE, {"champion": {"auc": 0.8}, "challenger": {"auc": 0.7}}, "keep_champion"),
        (FIRST, {"challenger": {"auc": 0.6}}, "register"),
    ],
)
def test_the_better_model_is_followed_and_its_figures_are_left_for_the_registry(compared, retraining, metrics, branch):
    chosen, comparison = compared(retraining, metrics)
    assert chosen == branch
    assert comparison["promoted"] is (branch == "register")
    assert comparison["challenger"] == metrics["challenger"]["auc"]


def test_figures_that_decide_nothing_fail_at_once_and_keep_the_champion(compared):
    with pytest.raises(NotRetriedError, match="The champion stays"):
        compared(CHALLENGE, {"challenger": {"auc": 0.99}})


def test_an_evaluation_that_is_gone_is_an_error(endpoint, s3, context):
    operator = CompareModelsOperator(
        task_id="compare", endpoint=endpoint, retraining=FIRST, promoted="a", kept="b",
        evaluated={"evaluation_uri": "s3://e/none.json"}, **AWS,
    )  # fmt: skip
    with pytest.raises(MissingResultError, match=r"s3://e/none\.json"):
        operator.execute(context(operator))


# Searching hyperparameters


def test_a_search_hands_on_its_best_training_job_and_a_retry_joins_it(sagemaker, s3, context):
    ranges = {"C": {"kind": "continuous", "minimum": 0.1, "maximum": 1}}
    training = {**DECLARED["training"], "tuning": {"ranges": ranges}}
    searched = Endpoint.model_validate({**DECLARED, "training": training})

    def run():
        operator = TuneModelOperator(task_id="train", endpoint=searched, retraining=CHALLENGE, **AWS)
        return operator.execute(context(operator))

    result = run()
    assert len(result["tuning_job"]) <= 32
    assert result["training_job"] == f"{result['tuning_job']}-001-0123abcd"
    assert result["model_data_url"].endswith(f"/{result['training_job']}/output/model.tar.gz")
    assert result["billable_seconds"] == 90
    assert run() == result
    assert sagemaker.count("CreateHyperParameterTuningJob") == 1


# Which windows


def verdict(status, hour=3):
    window = {"start": f"2026-11-02T{hour:02}:00:00Z", "end": f"2026-11-02T{hour + 1:02}:00:00Z"}
    return Verdict.model_validate(
        {"endpoint": "loan-approval", "monitor": "data_quality", "window": window, "status": status}
    )


@pytest.fixture
def sort(s3, endpoint):
    def go(recipe, *statuses):
        told = [verdict(status, hour) for hour, status in enumerate(statuses, start=3)]
        for one in told:
            s3.put(Layout.of(endpoint).verdict("data_quality", one.window), one.to_json())
        training = endpoint.training.model_copy(update={"recipe": Recipe(**recipe)})
        store = StoreHook(aws_conn_id=None, region_name="us-east-1")
        return sorted_out(store, endpoint, training, [one.window for one in told])

    return go


def test_windows_whose_schema_changed_are_left_out_and_the_reason_is_kept(sort):
    taken, excluded = sort({}, "OK", "SCHEMA_CHANGED", "VIOLATIONS")
    assert [window.start.hour for window in taken] == [3, 5]
    assert [(one.window.start.hour, one.reason) for one in excluded] == [
        (4, "the data_quality verdict is SCHEMA_CHANGED")
    ]


def test_windows_that_a_person_has_marked_are_left_out(sort):
    bad = {"start": "2026-11-02T03:30:00Z", "end": "2026-11-02T04:00:00Z"}
    taken, excluded = sort({"exclude_windows": [bad]}, "OK", "OK")
    assert [window.start.hour for window in taken] == [4]
    assert "exclude_windows" in excluded[0].reason


def test_a_recipe_that_leaves_nothing_fails_at_once(sort):
    with pytest.raises(NotRetriedError, match="leaves out every window"):
        sort({}, "SCHEMA_CHANGED", "ENCODING_MIXED")
