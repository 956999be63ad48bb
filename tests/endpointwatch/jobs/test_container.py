from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from endpointwatch.jobs.__main__ import main

INCLUDE = Path(__file__).parents[3] / "include"
ANALYSIS = {
    "dataset_source": "/opt/ml/processing/input/baseline_dataset_input",
    "output_path": "/opt/ml/processing/output",
    "dataset_format": json.dumps({"csv": {"header": True, "output_columns_position": "START"}}),
    "publish_cloudwatch_metrics": "Disabled",
}


def test_the_entry_point_keeps_the_container_contract_as_a_process(job, traffic):
    baseline = job()
    baseline.put("input/baseline_dataset_input/train.csv", traffic.dataset())
    (baseline.base / "config" / "processingjobconfig.json").write_text(
        json.dumps({"ProcessingJobName": "baseline", "Environment": ANALYSIS}), encoding="utf-8"
    )
    environment = {**os.environ, "PYTHONPATH": str(INCLUDE), "SAGEMAKER_BASE_DIR": str(baseline.base)}
    done = subprocess.run(
        [sys.executable, "-m", "endpointwatch.jobs"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert baseline.message == "Completed: Job completed successfully with no violations."
    assert {path.name for path in baseline.output.iterdir()} == {"statistics.json", "constraints.json", "state.arrow"}


def test_the_job_configuration_goes_before_the_process_environment(job, traffic):
    baseline = job()
    baseline.put("input/baseline_dataset_input/train.csv", traffic.dataset())
    assert baseline.run_with(ANALYSIS, {"dataset_source": "/nowhere", "output_path": "/nowhere"}) == 0
    assert baseline.output.is_dir()


def test_a_check_under_awss_keys_counts_its_violations(job, traffic):
    baseline = job()
    baseline.put("input/baseline_dataset_input/train.csv", traffic.dataset())
    assert baseline.run_with(ANALYSIS) == 0
    check = job()
    check.put("input/endpoint/loans/AllTraffic/2026/11/01/14/a.jsonl", "\n".join(traffic.lines(500, shift=9.0)))
    for name in ("statistics", "constraints"):
        content = (baseline.output / f"{name}.json").read_bytes()
        check.put(f"baseline/{name}/{name}.json", content)
    code = check.run_with(
        {
            "dataset_source": "/opt/ml/processing/input/endpoint",
            "dataset_format": json.dumps(
                {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
            ),
            "output_path": "/opt/ml/processing/output",
            "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
            "baseline_statistics": "/opt/ml/processing/baseline/statistics/statistics.json",
            "start_time": "2026-11-01T14:00:00Z",
            "end_time": "2026-11-01T15:00:00Z",
            "publish_cloudwatch_metrics": "Enabled",
            "sagemaker_endpoint_name": "loans",
            "sagemaker_monitoring_schedule_name": "loans-dq",
        }
    )
    assert (code, check.message) == (0, "CompletedWithViolations: Job completed successfully with 1 violations.")
    (violation,) = check.document("constraint_violations.json")["violations"]
    assert violation["feature_name"] == "ratio"
    metrics = (check.base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text(encoding="utf-8")
    assert json.loads(metrics.splitlines()[0])["Dimensions"] == [
        {"Name": "Endpoint", "Value": "loans"},
        {"Name": "MonitoringSchedule", "Value": "loans-dq"},
    ]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "The environment has no dataset_source"),
        ({"job_plan": "/opt/ml/processing/input/plan/none.json"}, "job_plan points to"),
        ({**ANALYSIS, "record_preprocessor_script": "/x.py"}, "The script /x.py cannot be run"),
        ({**ANALYSIS, "analysis_type": "DANCE"}, "it must be MODEL_QUALITY, DATA_QUALITY"),
        ({**ANALYSIS, "dataset_format": "csv"}, "dataset_format"),
        ({**ANALYSIS, "dataset_format": '{"avro": {}}'}, "use one of csv, json, parquet"),
        ({**ANALYSIS, "dataset_format": '{"parquet": {}}'}, "the file is no whole Parquet file"),
        ({**ANALYSIS, "dataset_format": '{"csv": {"output_columns_position": "LEFT"}}'}, "it must be START or END"),
        (
            {**ANALYSIS, "dataset_format": '{"sagemakerCaptureJson": {}}'},
            "Could not find any json file under directory",
        ),
        ({**ANALYSIS, "dataset_source": "/opt/ml/processing/input/nothing"}, "no such folder"),
        ({**ANALYSIS, "start_time": "2026-11-01T14:00:00Z"}, "both be set"),
        ({**ANALYSIS, "aws_compatible": "yes"}, "aws_compatible"),
        ({**ANALYSIS, "baseline_constraints": "/opt/ml/processing/none.json"}, "Baseline again"),
    ],
)
def test_what_cannot_be_followed_fails_with_255_and_the_reason_in_the_message(job, traffic, environment, says):
    failing = job()
    failing.put("input/baseline_dataset_input/train.csv", traffic.dataset(30))
    assert failing.run_with(environment) == 255
    assert failing.message.startswith("Error: ")
    assert says in failing.message
    assert len(failing.message.encode()) <= 1024


def test_a_plan_of_another_version_is_refused_with_the_file(job):
    failing = job()
    failing.put("input/plan/plan.json", '{"kind": "dance"}')
    assert failing.run_with({"job_plan": "/opt/ml/processing/input/plan/plan.json"}) == 255
    assert "plan.json is no plan of this version" in failing.message


def test_a_broken_job_configuration_fails_with_255_and_the_reason(job):
    failing = job()
    (failing.base / "config" / "processingjobconfig.json").write_text("{", encoding="utf-8")
    assert main([], {"SAGEMAKER_BASE_DIR": str(failing.base)}) == 255
    assert "is no job configuration" in failing.message
