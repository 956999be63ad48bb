"""The example image through SageMaker's own calls: trained, registered, served, evaluated."""

from __future__ import annotations

import json
import random
import subprocess
import time

import pytest

pytestmark = pytest.mark.pocketaws

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-sklearn:1"
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}


def table(count: int, seed: int) -> str:
    chance = random.Random(seed)
    lines = ["approve,income,debt"]
    for _ in range(count):
        income, debt = chance.gauss(0, 1), chance.gauss(0, 1)
        lines.append(f"{int(income > debt + chance.gauss(0, 0.5))},{income:.4f},{debt:.4f}")
    return "\n".join(lines) + "\n"


def ended(describe, status: str) -> dict:
    end = time.monotonic() + 90
    while (found := describe())[status] in {"InProgress", "Stopping"}:
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def test_a_model_is_trained_registered_served_and_evaluated(hosting):
    sagemaker, s3 = hosting.sagemaker, hosting.aws.client("s3")
    name, bucket = hosting.name(), hosting.bucket()
    for key, seed in (("train/a.csv", 1), ("validation/a.csv", 2), ("test/a.csv", 3)):
        s3.put_object(Bucket=bucket, Key=key, Body=table(400, seed))
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=hosting.aws.role,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:auc", "Regex": "validation:auc=([0-9.]+);"}],
        },
        HyperParameters={"label": "approve", "estimator": "logistic_regression"},
        InputDataConfig=[
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{channel}/"}},
            }
            for channel in ("train", "validation")
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        ResourceConfig=CLUSTER,
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job = ended(lambda: sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    artefact = job["ModelArtifacts"]["S3ModelArtifacts"]

    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    package = sagemaker.create_model_package(
        ModelPackageGroupName=name,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": artefact}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=hosting.aws.role, PrimaryContainer={"ModelPackageName": package}
    )
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant], DataCaptureConfig=hosting.capture(bucket)
    )
    endpoint = hosting.create(name)
    rows = table(30, 4).splitlines()[1:]
    body = "".join(row.partition(",")[2] + "\n" for row in rows)
    answer = hosting.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/csv")
    scores = [float(score) for score in answer["Body"].read().decode().splitlines()]
    right = sum((score >= 0.5) == (row[0] == "1") for score, row in zip(scores, rows, strict=True))
    assert right > 20

    ((record,),) = hosting.captured(bucket, 1).values()
    given, answered = (record["captureData"][side] for side in ("endpointInput", "endpointOutput"))
    assert (given["data"], given["encoding"]) == (body, "CSV")
    assert (answered["observedContentType"], answered["encoding"]) == ("text/csv; charset=utf-8", "CSV")
    assert [float(score) for score in answered["data"].splitlines()] == scores

    def inputs(place: str, uri: str) -> dict:
        source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{place}", "S3DataType": "S3Prefix"}
        return {"InputName": place.replace("/", "-"), "S3Input": {**source, "S3InputMode": "File"}}

    output = {"S3Uri": f"s3://{bucket}/out", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=hosting.aws.role,
        AppSpecification={"ImageUri": IMAGE, "ContainerArguments": ["evaluate"]},
        Environment={"label": "approve"},
        ProcessingInputs=[
            inputs("models/champion", artefact),
            inputs("models/challenger", artefact),
            inputs("data", f"s3://{bucket}/test/"),
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": output}]},
        ProcessingResources={"ClusterConfig": CLUSTER},
    )
    job = ended(lambda: sagemaker.describe_processing_job(ProcessingJobName=name), "ProcessingJobStatus")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    result = json.loads(s3.get_object(Bucket=bucket, Key="out/evaluation.json")["Body"].read())
    assert (result["rows"], result["label"]) == (400, "approve")
    assert result["metrics"]["champion"] == result["metrics"]["challenger"]
    assert result["metrics"]["champion"]["auc"] > 0.85


@pytest.mark.parametrize("way", ["rewrite", "user"])
def test_an_endpoint_is_served_in_every_way_of_isolation(start_pocketaws, way, endpoints_of):
    if (
        way == "user"
        and subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], check=False).returncode
    ):
        pytest.skip("this machine lets nobody make a user namespace")
    hosting = endpoints_of(start_pocketaws("--isolation", way, images=endpoints_of.images))
    artefact = hosting.artifact(hosting.bucket(), weights="w")
    first, second = (
        hosting.create(hosting.config({"ModelDataUrl": artefact}, VERSION=version)) for version in ("1", "2")
    )
    assert [hosting.ask(name)["version"] for name in (first, second)] == ["1", "2"]
    assert hosting.ask(first)["files"] == ["weights"]
