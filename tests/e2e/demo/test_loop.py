"""One endpoint, once round the whole loop, through a real scheduler: every artefact is where it should be."""

from __future__ import annotations

import json

import pytest

from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from loanapp.cloud import split
from loanapp.results import BASELINE_FILES, RESULT_FILES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

MONEY = {"loanamt", "price", "apr", "appinc", "liq", "netw", "atotinc", "cototinc", "hexp"}


@pytest.fixture
def layout(loop):
    return Layout.of(loop.endpoint)


def of_hour(loop, hour, name):
    return loop.cloud.json(f"{Layout.of(loop.endpoint).window('data_quality', hour.window)}/{name}")


def test_every_claim_of_the_demo_holds(loop):
    assert loop.broken == []


def test_every_window_has_its_four_files(loop, layout):
    for hour in loop.story.hours:
        assert loop.results.missing(layout.window("data_quality", hour.window), RESULT_FILES["data_quality"]) == []


def test_the_statistics_of_a_window_are_about_all_its_rows_and_columns(loop):
    for hour in loop.story.hours:
        statistics = of_hour(loop, hour, "statistics.json")
        assert statistics["dataset"]["item_count"] == len(hour.applications)
        names = [feature["name"] for feature in statistics["features"]]
        assert names == [loop.endpoint.training.prediction, *loop.endpoint.training.features]
        assert {feature["inferred_type"] for feature in statistics["features"]} == {"Integral", "Fractional"}


def test_violations_are_found_in_the_new_systems_hours_and_nowhere_else(loop):
    for hour in loop.story.hours:
        violations = of_hour(loop, hour, "constraint_violations.json")["violations"]
        verdict = of_hour(loop, hour, "verdict.json")
        assert verdict["status"] == ("VIOLATIONS" if hour.drifted else "OK")
        assert verdict["violations"] == violations
        assert verdict["model_version"] == "loan-approval-v1"
        assert verdict["rows"]["read"] == verdict["rows"]["analysed"] == len(hour.applications)
        drifted = {v["feature_name"] for v in violations if v["constraint_check_type"] == "baseline_drift_check"}
        assert drifted == (MONEY | {"prediction"} if hour.drifted else set())
        assert len(violations) == len(drifted)


def test_model_quality_is_judged_beside_data_quality_and_says_nothing_else(loop):
    for hour in loop.story.hours:
        verdict = loop.results.verdict(hour.window, "model_quality")
        assert verdict.status == ("VIOLATIONS" if hour.drifted else "OK")
        assert {violation.metric_name for violation in verdict.violations} == ({"auc"} if hour.drifted else set())
        assert verdict.labels_final


def test_both_model_versions_have_a_baseline_of_their_own(loop, layout):
    ids = set()
    for version in ("loan-approval-v1", "loan-approval-v2"):
        folder = layout.baseline(version, "data_quality")
        assert loop.results.missing(folder, BASELINE_FILES["data_quality"]) == []
        ids.add(loop.cloud.json(f"{folder}/baseline.json")["id"])
    assert len(ids) == 2


def test_two_approved_packages_name_their_training_job_and_the_data_of_their_baseline(loop):
    packages = loop.results.packages()
    assert [package["ModelPackageVersion"] for package in packages] == [1, 2]
    for package in packages:
        assert package["ModelApprovalStatus"] == "Approved"
        metadata = package["CustomerMetadataProperties"]
        job = loop.cloud.sagemaker.describe_training_job(TrainingJobName=metadata["training_job"])
        assert job["TrainingJobStatus"] == "Completed"
        artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
        assert package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == artifact
        bucket, key = split(metadata["baseline_dataset_uri"])
        header = loop.cloud.read(bucket, key).decode().splitlines()[0].split(",")
        training = loop.endpoint.training
        assert header == [training.prediction, *training.features, training.label]
        bucket, key = split(metadata["held_out_dataset_uri"])
        assert loop.cloud.read(bucket, key).decode().splitlines()[0].split(",") == header


def test_the_challenger_beat_the_champion_on_the_same_rows(loop):
    first, second = (loop.results.evaluation(package, "auc") for package in loop.results.packages())
    assert first.champion is None
    assert second.champion is not None
    assert second.challenger > second.champion + loop.endpoint.training.minimum_gain
    assert second.rows >= 50


def test_the_endpoint_has_a_history_of_configurations_that_all_capture(loop):
    names = loop.results.configurations()
    assert len(names) == 2
    models = []
    for name in names:
        config = loop.cloud.sagemaker.describe_endpoint_config(EndpointConfigName=name)
        models.append(config["ProductionVariants"][0]["ModelName"])
        capture = config["DataCaptureConfig"]
        assert capture["EnableCapture"]
        assert capture["DestinationS3Uri"] == loop.endpoint.capture.destination_uri
        assert capture["InitialSamplingPercentage"] == 100
    assert models == ["loan-approval-v1", "loan-approval-v2"]
    assert loop.results.live() == ("loan-approval-v2", names[1])


def test_both_deployments_are_on_record_in_their_order(loop):
    deployments = loop.results.deployments()
    assert [deployment.model_version for deployment in deployments] == ["loan-approval-v1", "loan-approval-v2"]
    assert deployments[0].in_service_from < deployments[1].in_service_from


def test_the_decision_that_retrained_names_the_three_windows_it_rests_on(loop, airflow):
    runs = [run for run in airflow.runs(loop.retrain) if run["conf"]]
    assert len(runs) == 1
    decision = loop.cloud.json(runs[0]["conf"]["decision"])
    drifted = [hour.window for hour in loop.story.drifted]
    assert decision["action"] == "retrain"
    assert {Window.model_validate(seen["window"]) for seen in decision["evidence"]} == set(drifted)
    assert [Window.model_validate(window) for window in runs[0]["conf"]["windows"]] == drifted


def test_the_window_after_the_retraining_is_quiet_by_the_new_baseline(loop, layout):
    last = loop.rows[-1]
    verdict = loop.cloud.json(f"{last.location}/verdict.json")
    assert (verdict["status"], verdict["model_version"]) == ("OK", "loan-approval-v2")
    baseline = loop.cloud.json(f"{layout.baseline('loan-approval-v2', 'data_quality')}/baseline.json")
    assert verdict["baseline_id"] == baseline["id"]
    assert loop.results.missing(last.location, RESULT_FILES["data_quality"]) == []


def test_what_a_job_was_told_and_when_lies_outside_the_results(loop):
    root = Layout.of(loop.endpoint).root
    _, prefix = split(root)
    for key in loop.cloud.keys(root):
        if not key.startswith(f"{prefix}/jobs/"):
            assert "plan.json" not in key
    windows = [row for row in loop.rows if row.stage.startswith("window")]
    assert len(windows) == len(loop.story.hours) + 1
    for row in windows:
        told = loop.cloud.json(f"{root}/jobs/{row.job}/plan.json")
        assert json.dumps(told["window"])
        job = loop.cloud.sagemaker.describe_processing_job(ProcessingJobName=row.job)
        assert job["ProcessingJobStatus"] == "Completed"
