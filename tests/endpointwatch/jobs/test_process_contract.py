"""SageMaker's contract as a process: AWS's own job configuration in, AWS's files, message and exit code out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

INCLUDE = Path(__file__).parents[3] / "include"
STATISTICS = "/opt/ml/processing/baseline/stats"
CAPTURES = "/opt/ml/processing/input/endpoint"


def job_config(environment: dict[str, str]) -> str:
    """``processingjobconfig.json`` with every key that SageMaker writes; what is not set is null."""

    def mounted(name: str, path: str) -> dict:
        told = {
            "LocalPath": path,
            "S3Uri": f"s3://bucket/{name}",
            "S3DataDistributionType": "FullyReplicated",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3CompressionType": "None",
            "S3DownloadMode": "StartOfJob",
        }
        return {"InputName": name, "AppManaged": False, "S3Input": told, "DatasetDefinitionInput": None}

    output = {"LocalPath": "/opt/ml/processing/output", "S3Uri": "s3://bucket/out", "S3UploadMode": "Continuous"}
    return json.dumps(
        {
            "ProcessingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:processing-job/data-quality",
            "ProcessingJobName": "data-quality-monitoring-202611011500-0123456789abcdef01234567",
            "Environment": environment,
            "AppSpecification": {"ImageUri": "analyzer", "ContainerEntrypoint": None, "ContainerArguments": None},
            "ProcessingInputs": [
                mounted("input_1", CAPTURES),
                mounted("baseline", "/opt/ml/processing/baseline/stats"),
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {"OutputName": "result", "AppManaged": False, "S3Output": output, "FeatureStoreOutput": None}
                ],
                "KmsKeyId": None,
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": "ml.m5.large",
                    "VolumeSizeInGB": 20,
                    "VolumeKmsKeyId": None,
                }
            },
            "NetworkConfig": {
                "VpcConfig": None,
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": False,
            },
            "RoleArn": "arn:aws:iam::123456789012:role/Monitor",
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }
    )


def run(job, environment: dict[str, str]) -> int:
    """The exit code of ``python -m endpointwatch.jobs``, told nothing but where ``/opt/ml`` lies."""
    (job.base / "config" / "processingjobconfig.json").write_text(job_config(environment), encoding="utf-8")
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(INCLUDE), "SAGEMAKER_BASE_DIR": str(job.base)}
    done = subprocess.run(
        [sys.executable, "-m", "endpointwatch.jobs"], env=clean, capture_output=True, text=True, check=False
    )
    return done.returncode


ENVIRONMENT = {
    "dataset_source": CAPTURES,
    "dataset_format": '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}',
    "output_path": "/opt/ml/processing/output",
    "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
    "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
    "monitoring_input_type": "ENDPOINT_INPUT",
    "start_time": "2026-11-01T14:00:00Z",
    "end_time": "2026-11-01T15:00:00Z",
    "metric_time": "2026-11-01T14:00:00Z",
    "publish_cloudwatch_metrics": "Enabled",
    "sagemaker_endpoint_name": "loans",
    "sagemaker_monitoring_schedule_name": "loans-dq",
    "sagemaker_endpoint_datacapture_prefix": "s3://bucket/capture",
}


def test_violations_end_with_awss_files_awss_message_and_exit_code_0(job, learnt, traffic):
    schedule = job()
    baseline = learnt()
    schedule.put("input/endpoint/loans/AllTraffic/2026/11/01/14/a.jsonl", "\n".join(traffic.lines(300, shift=50.0)))
    for name, folder in (("statistics", "stats"), ("constraints", "constraints")):
        schedule.put(f"baseline/{folder}/{name}.json", (baseline.output / f"data_quality/{name}.json").read_bytes())
    assert run(schedule, ENVIRONMENT) == 0
    assert schedule.message == "CompletedWithViolations: Job completed successfully with 1 violations."
    aws = {"statistics.json", "constraints.json", "constraint_violations.json"}
    assert {path.name for path in schedule.output.iterdir()} == {*aws, "state.arrow"}
    (violation,) = schedule.document("constraint_violations.json")["violations"]
    assert set(violation) == {"feature_name", "constraint_check_type", "description"}
    assert violation["feature_name"] == "ratio"
    assert (schedule.base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").is_file()


def test_a_failure_ends_with_exit_code_255_and_the_reason_in_awss_words_where_it_has_some(job):
    schedule = job()
    (schedule.base / "processing" / "input" / "endpoint").mkdir()
    told = {key: value for key, value in ENVIRONMENT.items() if not key.startswith("baseline_")}
    assert run(schedule, told) == 255
    assert schedule.message == (
        f"Error: Could not find any json file under directory {schedule.base}/processing/input/endpoint. Please verify "
        "if the provided dataset path is correct or if data capturing in your Endpoint is turned on."
    )
    assert not schedule.output.exists() or not list(schedule.output.iterdir())
