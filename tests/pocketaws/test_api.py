"""The API refuses what AWS refuses, in AWS's words, and never answers what it does not do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws

CLUSTER = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}}
IMAGE = {"ImageUri": "image"}


@pytest.fixture
def send(pocketaws):
    """Send any body to any target, as a client that checks nothing would."""

    def send(target: str, body: object, path: str = "/") -> tuple[int, dict]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Amz-Target": target} if target else {}
        request = AWSRequest("POST", pocketaws.url + path, headers=headers, data=data)
        SigV4Auth(Credentials("123456789012", "local"), "sagemaker", "us-east-1").add_auth(request)
        raw = urllib.request.Request(request.url, data, dict(request.headers), method="POST")
        try:
            with urllib.request.urlopen(raw, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return send


def job(**changes: object) -> dict:
    request = {"ProcessingJobName": "j", "ProcessingResources": CLUSTER, "AppSpecification": IMAGE,
               "RoleArn": "arn:aws:iam::123456789012:role/r", **changes}  # fmt: skip
    return {key: value for key, value in request.items() if value is not None}


@pytest.mark.parametrize(("change", "words"), [
    ({"ProcessingJobName": "bad_name!"}, ["'bad_name!'", "processingJobName", "regular expression pattern"]),
    ({"ProcessingJobName": "x" * 64}, ["processingJobName", "less than or equal to 63"]),
    ({"ProcessingJobName": ""}, ["processingJobName", "greater than or equal to 1"]),
    ({"RoleArn": None}, ["roleArn", "must not be null"]),
    ({"RoleArn": "nobody"}, ["roleArn"]),
    ({"Unknown": 1}, ["Unknown"]),
    ({"AppSpecification": {"ImageUri": "i", "ContainerArguments": ["x"] * 101}}, ["containerArguments", "100"]),
    ({"AppSpecification": {"ImageUri": "i", "ContainerArguments": ["x" * 257]}}, ["containerArguments.1.member"]),
    ({"Environment": {"1BAD": "x"}}, ["environment", "1BAD"]),
    ({"Environment": {"A": "x" * 257}}, ["environment.A", "256"]),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, ["maxRuntimeInSeconds", "greater than or equal to 1"]),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 777601}}, ["maxRuntimeInSeconds", "777600"]),
    ({"ProcessingResources": {"ClusterConfig": {**CLUSTER["ClusterConfig"], "InstanceType": "ml.toaster"}}},
     ["instanceType", "enum value set"]),
    ({"ProcessingResources": {"ClusterConfig": {}}}, ["processingResources.clusterConfig.volumeSizeInGB"]),
    ({"Tags": [{"Key": "a", "Value": "b" * 257}]}, ["tags.1.member.value"]),
    ({"Tags": [{"Key": "bad|key", "Value": "b"}]}, ["tags.1.member.key"]),
])  # fmt: skip
def test_a_request_outside_the_model_is_a_validation_exception_that_names_the_member(send, change, words):
    status, answer = send("SageMaker.CreateProcessingJob", job(**change))
    assert (status, answer["__type"]) == (400, "ValidationException")
    for word in words:
        assert word in answer["message"]


def test_all_constraints_a_request_breaks_are_told_at_once(send):
    broken = job(ProcessingJobName="_", StoppingCondition={"MaxRuntimeInSeconds": 0}, RoleArn=None)
    _, answer = send("SageMaker.CreateProcessingJob", broken)
    assert answer["message"].startswith("3 validation errors detected: ")


@pytest.mark.parametrize("body", [b"{", b"[]", job(StoppingCondition=5), job(ProcessingJobName=5), job(Environment=[])])
def test_a_request_of_the_wrong_types_is_a_serialization_exception(send, body):
    status, answer = send("SageMaker.CreateProcessingJob", body)
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_a_tag_in_any_script_is_accepted(pocketaws, unique):
    tags = [{"Key": "équipe/組:班", "Value": "データ + 1=2 @x"}]
    arn = pocketaws.client("sagemaker").create_model_package_group(ModelPackageGroupName=unique, Tags=tags)
    assert pocketaws.client("sagemaker").list_tags(ResourceArn=arn["ModelPackageGroupArn"])["Tags"] == tags


@pytest.mark.parametrize(("call", "operation"), [
    (lambda c: c.list_notebook_instances(), "ListNotebookInstances"),
    (lambda c: c.create_domain(DomainName="d", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": "x" * 20}),
     "CreateDomain"),
    (lambda c: c.list_pipelines(), "ListPipelines"),
])  # fmt: skip
def test_what_is_not_emulated_answers_501_with_its_name(pocketaws, call, operation):
    client = boto3.client(
        "sagemaker", endpoint_url=pocketaws.url, region_name="us-east-1", aws_access_key_id="123456789012",
        aws_secret_access_key="local", config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip
    with pytest.raises(ClientError) as caught:
        call(client)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert operation in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("member", [
    {"ProcessingResources": {"ClusterConfig": {**CLUSTER["ClusterConfig"], "InstanceCount": 2}}},
    {"ProcessingInputs": [{"InputName": "i", "DatasetDefinition": {"LocalPath": "/opt/ml/processing/i"}}]},
])  # fmt: skip
def test_a_member_that_is_not_emulated_is_refused_and_not_ignored(send, member):
    status, answer = send("SageMaker.CreateProcessingJob", job(**member))
    assert (status, answer["__type"]) == (501, "NotImplemented")


def test_an_operation_that_does_not_exist_is_unknown(send):
    status, answer = send("SageMaker.MakeCoffee", {})
    assert (status, answer["__type"]) == (404, "UnknownOperationException")
    status, answer = send("", {}, path="/endpoints/e/async-invocations")
    assert status == 501
    assert "async-invocations" in answer["message"]


@pytest.mark.parametrize(("call", "code", "message"), [
    # What the Amazon provider for Airflow and boto3's users compare against.
    (lambda c: c.describe_processing_job(ProcessingJobName="no"), "ValidationException",
     "Could not find requested job with name: no"),
    (lambda c: c.stop_processing_job(ProcessingJobName="no"), "ValidationException", "Could not find"),
    (lambda c: c.describe_training_job(TrainingJobName="no"), "ValidationException", "Requested resource not found"),
    (lambda c: c.describe_model(ModelName="no"), "ValidationException",
     'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/no".'),
    (lambda c: c.delete_model(ModelName="no"), "ValidationException", "Could not find model"),
    (lambda c: c.describe_endpoint_config(EndpointConfigName="no"), "ValidationException",
     'Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/no".'),
    (lambda c: c.describe_endpoint(EndpointName="no"), "ValidationException",
     'Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/no".'),
    (lambda c: c.describe_model_package_group(ModelPackageGroupName="no"), "ValidationException", "does not exist"),
    (lambda c: c.describe_model_package(ModelPackageName="arn:aws:sagemaker:us-east-1:123456789012:model-package/n/1"),
     "ValidationException", "does not exist"),
    (lambda c: c.list_tags(ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:model/no"), "ResourceNotFound", "no"),
])  # fmt: skip
def test_an_unknown_name_is_answered_with_the_code_and_words_of_aws(pocketaws, call, code, message):
    with pytest.raises(ClientError) as caught:
        call(pocketaws.client("sagemaker"))
    assert caught.value.response["Error"]["Code"] == code
    assert message in caught.value.response["Error"]["Message"]


def test_a_job_name_is_used_once_and_for_ever(jobs, unique):
    jobs.processed(jobs.process(unique, "pass"))
    with pytest.raises(ClientError) as caught:
        jobs.process(unique, "pass")
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_every_other_service_is_answered_by_the_base(pocketaws):
    assert pocketaws.client("sts").get_caller_identity()["Account"] == "123456789012"
