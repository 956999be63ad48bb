"""What a window's job is given beside captures and baseline: earlier windows' states, and scripts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_fakes import ROOT, FakeSageMaker, FakeStore, at_the_border, context, deployment, endpoint
from endpointwatch.jobs.container import FINAL
from endpointwatch.jobs.plan import PLAN
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.errors import JobError, NotRetriedError
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator
from endpointwatch_airflow.pipelines.monitor import build

CAPTURES = {"s3://bucket/capture/loans/AllTraffic/2026/03/01/14/00-01.jsonl": "a"}
STORED = {
    f"{ROOT}/data_quality/2026/03/01/{hour}/{file}": f"{hour} {file}"
    for hour in ("10", "11", "13", "13-00-120m", "14")
    for file in ("state.arrow", "verdict.json", "statistics.json", "segments/region=north/state.arrow")
}
VERDICT = f"{ROOT}/data_quality/2026/03/01/14/verdict.json"
ROLLING = {"kind": "data_quality", "baseline": {"kind": "rolling", "windows": 3}}
SCRIPTED = {
    "kind": "data_quality",
    "record_preprocessor_script": "s3://bucket/scripts/before.py",
    "post_analytics_processor_script": "s3://bucket/scripts/after.py",
}
SCRIPTS = {"s3://bucket/scripts/before.py": "before", "s3://bucket/scripts/after.py": "after"}


def started(monitor, files):
    """The create call and the plan of a window's job."""
    sagemaker, store = FakeSageMaker(), FakeStore({**CAPTURES, **deployment("v1", 3), **files})
    task = RunMonitorsOperator(
        task_id="run_monitors", endpoint=endpoint(monitors=[monitor]), aws_conn_id=None, deferrable=True
    )
    with pytest.raises(TaskDeferred):
        at_the_border(task, sagemaker, store).execute(context(task))
    (request,) = sagemaker.started
    plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{request['ProcessingJobName']}/plan.json"])
    return {mount["InputName"]: mount["S3Input"] for mount in request["ProcessingInputs"]}, plan, store


def test_the_states_of_the_earlier_windows_on_record_are_mounted_with_their_verdicts_and_segments():
    mounts, _, store = started(ROLLING, STORED)
    assert mounts["states"]["S3DataType"] == "ManifestFile"
    assert mounts["states"]["LocalPath"] == "/opt/ml/processing/input/states"
    prefix, *names = json.loads(store.files[mounts["states"]["S3Uri"]])
    assert prefix == {"prefix": f"{ROOT}/"}
    assert names == [
        f"data_quality/2026/03/01/{hour}/{file}"
        for hour in ("11", "13")
        for file in ("segments/region=north/state.arrow", "state.arrow", "verdict.json")
    ]


def test_without_earlier_windows_and_with_a_learnt_baseline_no_states_are_mounted():
    assert "states" not in started(ROLLING, {})[0]
    assert "states" not in started({"kind": "data_quality"}, STORED)[0]


def test_other_states_are_other_inputs():
    changed = {**STORED, f"{ROOT}/data_quality/2026/03/01/13/state.arrow": "judged again"}
    hashes = [started(ROLLING, files)[1].input_manifest for files in (STORED, STORED, changed)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len({started({"kind": "data_quality"}, files)[1].input_manifest for files in (STORED, changed)}) == 1


@pytest.mark.parametrize(("monitor", "at_once"), [(ROLLING, 1), ({"kind": "data_quality"}, 4)])
def test_windows_that_are_held_against_earlier_ones_are_judged_one_after_the_other(monitor, at_once):
    assert build(endpoint(monitors=[monitor])).max_active_runs == at_once


def test_scripts_are_mounted_where_awss_schedules_mount_them_and_are_part_of_the_inputs():
    mounts, plan, _ = started(SCRIPTED, SCRIPTS)
    assert mounts["preprocessing"]["S3Uri"] == "s3://bucket/scripts/before.py"
    assert mounts["preprocessing"]["LocalPath"] == "/opt/ml/processing/code/preprocessing"
    assert mounts["postprocessing"]["LocalPath"] == "/opt/ml/processing/code/postprocessing"
    _, other, _ = started(SCRIPTED, {**SCRIPTS, "s3://bucket/scripts/before.py": "changed"})
    assert plan.input_manifest != other.input_manifest


def test_a_script_that_is_not_there_is_named_with_its_key_and_not_tried_again():
    with pytest.raises(NotRetriedError, match=r"monitors\.data_quality\.record_preprocessor_script is s3://bucket/scr"):
        started(SCRIPTED, {"s3://bucket/scripts/before.py.bak": "older"})


def test_a_baseline_is_learnt_from_what_the_script_makes_of_the_data_set():
    record = next(iter(deployment("v1", 3)))
    sagemaker, store = FakeSageMaker(), FakeStore({**deployment("v1", 3), **SCRIPTS})
    watched = endpoint(monitors=[SCRIPTED], baseline_dataset_uri="s3://bucket/data.jsonl")
    task = LearnBaselineOperator(
        task_id="learn", endpoint=watched, deployment_uri=record, aws_conn_id=None, deferrable=True
    )
    with pytest.raises(TaskDeferred):
        at_the_border(task, sagemaker, store).execute(context(task))
    names = {mount["InputName"] for mount in sagemaker.started[0]["ProcessingInputs"]}
    assert {"dataset", "preprocessing"} <= names


@pytest.mark.parametrize(
    ("message", "error", "answered"),
    [(f"Error: no rows. {FINAL}", NotRetriedError, True), ("Error: OSError: disk", JobError, False)],
)
def test_a_job_that_would_fail_again_is_not_retried_and_answers_at_once(message, error, answered):
    sagemaker = FakeSageMaker(ends="Failed")
    store = FakeStore({**CAPTURES, **deployment("v1", 3)})
    task = RunMonitorsOperator(task_id="run_monitors", endpoint=endpoint(), retries=2, aws_conn_id=None)
    sagemaker.on_wait = lambda name: sagemaker.jobs.update({name: replace(sagemaker.jobs[name], exit_message=message)})
    with pytest.raises(error, match="Error: "):
        at_the_border(task, sagemaker, store).execute(context(task, try_number=1))
    assert (VERDICT in store.files) == answered
    if answered:
        assert Verdict.model_validate_json(store.files[VERDICT]).status == "JOB_FAILED"
