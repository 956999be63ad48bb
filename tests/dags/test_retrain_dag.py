from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import TriggerRule
from airflow.serialization.serialized_objects import DagSerialization

from endpointwatch.config.loader import load
from endpointwatch_airflow.operators.job import SageMakerJobOperator
from endpointwatch_airflow.operators.training import TuneModelOperator
from endpointwatch_airflow.pipelines import retrain
from endpointwatch_airflow.pipelines.assets import deployed

DECLARED = """
name: loan-approval
description: Loans.
tags: [loans]
aws: {conn_id: my_aws, region: eu-west-1, role_arn: arn:aws:iam::123456789012:role/EndpointWatch}
results_uri: s3://endpointwatch/results
capture: {destination_uri: s3://endpointwatch/capture}
schedule: {start_date: 2026-11-01}
job: {image_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0}
monitors: [{kind: data_quality}]
"""
TRAINING = """
training:
  image_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-sklearn:0.1.0
  initial_dataset_uri: s3://endpointwatch/loan-approval/initial/
  artifacts_uri: s3://endpointwatch/artifacts
  ground_truth_uri: s3://endpointwatch/ground-truth/loan-approval
  features: [loanamt, hrat]
  label: approve
  model_package_group: loan-approval
"""


SIDE = ("keep_champion", "stop_jobs", "record")


@pytest.fixture
def endpoint(tmp_path):
    path = tmp_path / "loan-approval.yaml"
    path.write_text(DECLARED + TRAINING)
    return load(path)


@pytest.fixture
def dag(endpoint):
    return retrain.build(endpoint)


def test_an_endpoint_that_is_only_watched_has_no_retrain_dag(tmp_path):
    path = tmp_path / "watched.yaml"
    path.write_text(DECLARED + "decision: {action: notify}\n")
    assert retrain.build(load(path)) is None


def test_the_tasks_are_few_and_follow_one_another(dag):
    assert dag.dag_id == "loan-approval__retrain"
    order = [task.task_id for task in dag.topological_sort() if task.task_id not in SIDE]
    assert order == ["admit", "build_dataset", "train", "evaluate", "compare", "register", "deploy"]
    assert dag.get_task("compare").downstream_task_ids == {"register", "keep_champion"}
    assert dag.get_task("deploy").upstream_task_ids >= {"register"}
    assert dag.get_task("train").upstream_task_ids == {"admit", "build_dataset"}


def test_a_job_never_outlives_the_failure_of_its_task(dag):
    stop = dag.get_task("stop_jobs")
    jobs = {task.task_id for task in dag.tasks if isinstance(task, SageMakerJobOperator)}
    assert stop.upstream_task_ids == jobs == set(stop.job_task_ids)
    assert stop.trigger_rule == TriggerRule.ONE_FAILED


def test_runs_never_overlap_and_none_starts_by_itself(dag):
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.timetable.can_be_scheduled is False


def test_every_wait_frees_its_worker(dag):
    assert all(dag.get_task(task).deferrable for task in ("build_dataset", "train", "evaluate", "deploy"))


def test_every_task_that_meets_aws_uses_the_endpoints_connection_and_region(dag):
    operators = [task for task in dag.tasks if hasattr(task, "aws_conn_id")]
    assert len(operators) == 9
    assert {(task.aws_conn_id, task.region_name) for task in operators} == {("my_aws", "eu-west-1")}


def test_only_a_deployment_wakes_the_onboarding(dag):
    assert {task.task_id: task.outlets for task in dag.tasks if task.outlets} == {"deploy": [deployed("loan-approval")]}


def test_training_runs_when_the_data_set_was_skipped_but_not_when_all_was(dag):
    assert dag.get_task("train").trigger_rule == "none_failed_min_one_success"
    assert dag.get_task("build_dataset").trigger_rule == "all_success"


def test_the_asset_is_one_that_airflow_takes_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert deployed("loan-approval").uri == "x-endpointwatch://loan-approval/deployment"
        assert deployed("loan-approval") == deployed("loan-approval")


HOUR = {"start": "2026-11-02T03:00:00Z", "end": "2026-11-02T04:00:00Z"}


@pytest.mark.parametrize("windows", [[], None, [HOUR], [HOUR, HOUR]])
def test_the_form_takes_windows(dag, windows):
    jsonschema.validate(windows, dag.params.get_param("windows").schema)


@pytest.mark.parametrize("windows", ["x", [{"start": HOUR["start"]}], [{**HOUR, "stop": 1}], [[1, 2]]])
def test_the_form_refuses_what_is_no_window(dag, windows):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(windows, dag.params.get_param("windows").schema)


def test_the_form_can_be_left_empty(dag):
    dag.params.validate()
    assert dag.params.dump() == {"windows": [], "decision": None, "model_version": None, "reason": None}


def test_the_page_of_the_dag_names_what_it_does_with_this_endpoint(dag):
    for named in ("s3://endpointwatch/loan-approval/initial/", "auc", "loan-approval__onboard"):
        assert named in dag.doc_md


def test_parsing_twice_gives_the_same_dag(endpoint):
    assert DagSerialization.to_dict(retrain.build(endpoint)) == DagSerialization.to_dict(retrain.build(endpoint))


def test_the_dag_file_makes_a_dag_for_every_good_endpoint(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text((DECLARED + TRAINING).replace("name: loan-approval", f"name: {name}"))
    (tmp_path / "bad.yaml").write_text(DECLARED + TRAINING.replace("metric", "metrik") + "nonsense: 1\n")
    monkeypatch.setenv("ENDPOINTWATCH_ENDPOINTS_DIR", str(tmp_path))
    file = Path(__file__).resolve().parents[2] / "dags" / "retrain.py"
    bag = DagBag(dag_folder=str(file))
    assert bag.import_errors == {}
    assert set(bag.dags) == {"one__retrain", "two__retrain"}


def declared(tmp_path, more):
    path = tmp_path / "loan-approval.yaml"
    path.write_text(DECLARED + TRAINING + more)
    return load(path)


def test_a_person_is_asked_between_registering_and_deploying_when_the_yaml_says_so(tmp_path):
    asked = "approval: {by: person, expires_hours: 2, on_expiry: approve, approvers: [ada]}\n"
    dag = retrain.build(declared(tmp_path, asked))
    approve = dag.get_task("approve")
    assert "register" in approve.upstream_task_ids
    assert approve.downstream_task_ids == {"deploy"}
    assert approve.response_timeout == timedelta(hours=2)
    assert approve.defaults == ["Approve"]
    assert approve.assigned_users == [{"id": "ada", "name": "ada"}]
    assert "Required Actions" in dag.doc_md
    assert DagSerialization.to_dict(dag) == DagSerialization.to_dict(retrain.build(declared(tmp_path, asked)))


def test_nobody_is_asked_by_default(dag):
    assert not dag.has_task("approve")


def test_a_search_takes_the_place_of_the_training_and_may_take_as_long_as_all_its_jobs(tmp_path):
    ranges = "  tuning: {maximum_jobs: 7, ranges: {C: {kind: continuous, minimum: 0.1, maximum: 10}}}\n"
    train = retrain.build(declared(tmp_path, ranges)).get_task("train")
    assert type(train) is TuneModelOperator
    assert train.waiter_max_attempts * train.waiter_delay >= 7 * 3600


def test_how_the_run_ended_is_kept_whatever_happened_and_does_not_hide_it(dag):
    record = dag.get_task("record")
    assert record.is_teardown
    assert record.on_failure_fail_dagrun is False
    assert record.upstream_task_ids == {"deploy", "keep_champion", "stop_jobs"}
    others = {task.task_id for task in dag.tasks} - {"record", "stop_jobs"}
    assert set(record.watched) == others
