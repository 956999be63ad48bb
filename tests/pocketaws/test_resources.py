"""Models, endpoint configurations and the registry: what is created is what is described."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-sklearn:1"
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
INFERENCE = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz", "Environment": {"A": "b"}}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
METRICS = {
    "ModelDataQuality": {
        "Statistics": {"ContentType": "application/json", "S3Uri": "s3://bucket/statistics.json"},
        "Constraints": {"ContentType": "application/json", "S3Uri": "s3://bucket/constraints.json"},
    }
}


@pytest.fixture
def sagemaker(pocketaws):
    return pocketaws.client("sagemaker")


@pytest.fixture
def model(sagemaker, unique) -> str:
    sagemaker.create_model(ModelName=unique, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)
    return unique


def variant(model: str, **more: object) -> dict[str, object]:
    return {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
            **more}  # fmt: skip


CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}


def requests(name: str, model: str) -> dict[str, dict[str, object]]:
    """A full request of every kind, by the middle of its operations' names."""
    return {
        "model": {
            "ModelName": name,
            "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://bucket/m.tar.gz", "Environment": {"K": "v"}},
            "ExecutionRoleArn": ROLE,
            "EnableNetworkIsolation": True,
            "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        },
        "endpoint_config": {
            "EndpointConfigName": name,
            "ProductionVariants": [
                variant(model, InitialVariantWeight=0.75),
                variant(model, VariantName="Other", InitialVariantWeight=0.25),
            ],
            "DataCaptureConfig": CAPTURE,
            "KmsKeyId": "key",
        },
        "model_package_group": {"ModelPackageGroupName": name, "ModelPackageGroupDescription": "about it"},
        "processing_job": {
            "ProcessingJobName": name,
            "AppSpecification": {"ImageUri": "nobody", "ContainerEntrypoint": ["a"], "ContainerArguments": ["b", "c"]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 3}
            },
            "Environment": {"A": "1"},
            "RoleArn": ROLE,
            "StoppingCondition": {"MaxRuntimeInSeconds": 77},
            "NetworkConfig": {"EnableNetworkIsolation": True},
            "ExperimentConfig": {"ExperimentName": "e"},
        },
        "training_job": {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": "nobody", "TrainingInputMode": "File"},
            "HyperParameters": {"depth": "3"},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 3},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "Environment": {"B": "2"},
        },
    }


@pytest.mark.parametrize("kind", requests("", ""))
def test_describe_answers_every_member_that_create_was_given(sagemaker, model, unique, kind):
    request = requests(f"{unique}-x", model)[kind]
    created = getattr(sagemaker, f"create_{kind}")(**request, Tags=[{"Key": "team", "Value": "risk"}])
    name = next(member for member in request if member.endswith("Name"))
    described = getattr(sagemaker, f"describe_{kind}")(**{name: request[name]})
    assert {member: described.get(member) for member in request} == request
    (arn_member,) = [member for member in created if member.endswith("Arn")]
    assert described[arn_member] == created[arn_member]
    assert described["CreationTime"].year >= 2024
    tags = sagemaker.list_tags(ResourceArn=created[arn_member])["Tags"]
    assert tags == [{"Key": "team", "Value": "risk"}]


@pytest.mark.parametrize("kind", ["model", "endpoint_config", "model_package_group"])
def test_a_name_is_free_again_once_it_is_deleted_and_its_tags_are_gone(sagemaker, model, unique, kind):
    request = requests(f"{unique}-x", model)[kind]
    name = next(member for member in request if member.endswith("Name"))
    create, delete = getattr(sagemaker, f"create_{kind}"), getattr(sagemaker, f"delete_{kind}")
    create(**request, Tags=[{"Key": "old", "Value": "1"}])
    with pytest.raises(ClientError) as caught:
        create(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    wanted = "Model Package Group already exists" if kind.endswith("group") else "Cannot create already existing"
    assert caught.value.response["Error"]["Message"].startswith(wanted)
    delete(**{name: request[name]})
    with pytest.raises(ClientError, match=r"Could not find|does not exist"):
        delete(**{name: request[name]})
    created = create(**request)
    (arn,) = [value for member, value in created.items() if member.endswith("Arn")]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_an_endpoint_config_of_an_unknown_model_is_refused(sagemaker, unique):
    with pytest.raises(ClientError, match=r'ValidationException.*Could not find model "arn:'):
        sagemaker.create_endpoint_config(EndpointConfigName=unique, ProductionVariants=[variant("nobody")])


@pytest.mark.parametrize("containers", [
    {},
    {"PrimaryContainer": {"Image": IMAGE}, "Containers": [{"Image": IMAGE}]},
    {"PrimaryContainer": {"ModelDataUrl": "s3://bucket/m.tar.gz"}},
])  # fmt: skip
def test_a_model_needs_exactly_one_way_of_saying_its_image(sagemaker, unique, containers):
    with pytest.raises(ClientError, match="ValidationException"):
        sagemaker.create_model(ModelName=unique, ExecutionRoleArn=ROLE, **containers)


def test_versions_of_a_group_count_up_and_never_come_back(sagemaker, unique):
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    arns = [sagemaker.create_model_package(ModelPackageGroupName=unique)["ModelPackageArn"] for _ in range(3)]
    prefix = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{unique}"
    assert arns == [f"{prefix}/{version}" for version in (1, 2, 3)]
    sagemaker.delete_model_package(ModelPackageName=arns[2])
    again = sagemaker.create_model_package(ModelPackageGroupName=unique)["ModelPackageArn"]
    assert again == f"{prefix}/4"
    with pytest.raises(ClientError, match="ConflictException"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=unique)
    for arn in (*arns[:2], again):
        sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=unique)


def test_a_model_package_keeps_everything_it_was_registered_with(sagemaker, unique):
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    request = {
        "ModelPackageDescription": "challenger",
        "InferenceSpecification": INFERENCE,
        "ModelMetrics": METRICS,
        "DriftCheckBaselines": METRICS,
        "CustomerMetadataProperties": {"job": "train-1", "auc": "0.91"},
        "ModelApprovalStatus": "PendingManualApproval",
        "SourceUri": "s3://bucket/source",
        "Domain": "MACHINE_LEARNING",
    }
    arn = sagemaker.create_model_package(ModelPackageGroupName=unique, **request)["ModelPackageArn"]
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert {member: described[member] for member in request} == request
    assert (described["ModelPackageGroupName"], described["ModelPackageVersion"]) == (unique, 1)
    assert described["ModelPackageStatus"] == "Completed"


def test_a_package_that_is_refused_takes_no_version(sagemaker, unique):
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    with pytest.raises(ClientError, match=r"ValidationException.*modelApprovalStatus"):
        sagemaker.create_model_package(ModelPackageGroupName=unique, ModelApprovalStatus="Perhaps")
    assert sagemaker.list_model_packages(ModelPackageGroupName=unique)["ModelPackageSummaryList"] == []
    assert sagemaker.create_model_package(ModelPackageGroupName=unique)["ModelPackageArn"].endswith("/1")


def test_approval_and_metadata_change_and_the_rest_stays(sagemaker, unique):
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=unique, InferenceSpecification=INFERENCE, CustomerMetadataProperties={"a": "1", "b": "2"}
    )["ModelPackageArn"]
    before = sagemaker.describe_model_package(ModelPackageName=arn)
    assert before["ModelApprovalStatus"] == "PendingManualApproval"
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="by the policy",
        CustomerMetadataProperties={"b": "3", "c": "4"}, CustomerMetadataPropertiesToRemove=["a"],
    )  # fmt: skip
    after = sagemaker.describe_model_package(ModelPackageName=arn)
    assert after["ModelApprovalStatus"] == "Approved"
    assert after["ApprovalDescription"] == "by the policy"
    assert after["CustomerMetadataProperties"] == {"b": "3", "c": "4"}
    assert after["InferenceSpecification"] == before["InferenceSpecification"]
    assert after["LastModifiedTime"] >= before["LastModifiedTime"]


def test_packages_are_listed_by_group_and_approval(sagemaker, unique):
    for group in ("one", "two"):
        sagemaker.create_model_package_group(ModelPackageGroupName=f"{unique}-{group}")
        for status in ("Approved", "Rejected", "Approved"):
            sagemaker.create_model_package(ModelPackageGroupName=f"{unique}-{group}", ModelApprovalStatus=status)
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=f"{unique}-one", ModelApprovalStatus="Approved", SortBy="CreationTime",
        SortOrder="Descending", MaxResults=1,
    )  # fmt: skip
    # "The newest approved version" is how deployments ask.
    assert [item["ModelPackageVersion"] for item in listed["ModelPackageSummaryList"]] == [3]
    assert "NextToken" in listed
    unversioned = sagemaker.list_model_packages(NameContains=unique)["ModelPackageSummaryList"]
    assert unversioned == []


def test_a_resource_with_tags_that_are_refused_is_not_made(sagemaker, unique):
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    with pytest.raises(ClientError, match=r"ValidationException.*Duplicate tag keys"):
        sagemaker.create_model_package_group(ModelPackageGroupName=unique, Tags=twice)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=unique)


def test_tags_are_merged_by_key_and_deleted_by_key(sagemaker, model):
    arn = sagemaker.describe_model(ModelName=model)["ModelArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "1"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"b": "2", "c": "1"}
    with pytest.raises(ClientError, match="at most 50"):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(49)])
