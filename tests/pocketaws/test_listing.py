"""Every List operation pages to what one big page answers, in order, and its filters keep what they say."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
COUNT = 7
# Kind → the member of the answer, the name in a summary.
LISTS = {
    "models": ("Models", "ModelName"),
    "endpoint_configs": ("EndpointConfigs", "EndpointConfigName"),
    "model_package_groups": ("ModelPackageGroupSummaryList", "ModelPackageGroupName"),
    "processing_jobs": ("ProcessingJobSummaries", "ProcessingJobName"),
    "training_jobs": ("TrainingJobSummaries", "TrainingJobName"),
}


@pytest.fixture(scope="module")
def sagemaker(start_pocketaws):
    """A local AWS with seven of everything."""
    aws = start_pocketaws()
    client = aws.client("sagemaker")
    for number in range(COUNT):
        # Names whose order is not the order of creation.
        name = f"{'even' if number % 2 == 0 else 'odd'}-{number}"
        client.create_model(ModelName=name, PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        client.create_model_package_group(ModelPackageGroupName=name)
        cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        client.create_processing_job(
            ProcessingJobName=name, AppSpecification={"ImageUri": "nobody"}, RoleArn=ROLE,
            ProcessingResources={"ClusterConfig": cluster},
        )  # fmt: skip
        client.create_training_job(
            TrainingJobName=name, RoleArn=ROLE, OutputDataConfig={"S3OutputPath": "s3://b/o"}, ResourceConfig=cluster,
            AlgorithmSpecification={"TrainingImage": "nobody", "TrainingInputMode": "File"},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )  # fmt: skip
    return client


@pytest.fixture(params=LISTS)
def listed(request, sagemaker):
    """Call a List operation; answers (names, whole answer)."""
    member, name = LISTS[request.param]

    def call(**query: object) -> tuple[list[str], dict]:
        answer = getattr(sagemaker, f"list_{request.param}")(**query)
        return [item[name] for item in answer[member]], answer

    return call


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 100])
@pytest.mark.parametrize("order", [
    {}, {"SortOrder": "Ascending"}, {"SortOrder": "Descending"}, {"SortBy": "Name", "SortOrder": "Ascending"},
])  # fmt: skip
def test_pages_of_any_size_add_up_to_one_big_page(listed, order, size):
    whole, _ = listed(**order)
    assert len(set(whole)) == COUNT
    pages: list[str] = []
    token: dict[str, str] = {}
    while True:
        names, answer = listed(**order, MaxResults=size, **token)
        assert len(names) <= size
        pages += names
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert pages == whole


def test_an_order_and_its_reverse_are_each_others_mirror(listed):
    for by in ("Name", "CreationTime"):
        up, _ = listed(SortBy=by, SortOrder="Ascending")
        down, _ = listed(SortBy=by, SortOrder="Descending")
        assert down == up[::-1]
    assert listed(SortBy="Name", SortOrder="Ascending")[0] == sorted(up)
    created, _ = listed(SortBy="CreationTime", SortOrder="Ascending")
    assert [int(name[-1]) for name in created] == list(range(COUNT))


def test_a_name_filter_keeps_exactly_the_names_that_contain_it(listed):
    assert set(listed(NameContains="odd")[0]) == {"odd-1", "odd-3", "odd-5"}
    assert listed(NameContains="nothing-like-it")[0] == []


def test_before_and_after_an_instant_are_two_halves_of_all(sagemaker):
    models = sagemaker.list_models(SortOrder="Ascending")["Models"]
    instant = models[3]["CreationTime"]
    after = {item["ModelName"] for item in sagemaker.list_models(CreationTimeAfter=instant)["Models"]}
    before = {item["ModelName"] for item in sagemaker.list_models(CreationTimeBefore=instant)["Models"]}
    assert after | before == {item["ModelName"] for item in models}
    assert after & before == {item["ModelName"] for item in models if item["CreationTime"] == instant}


def test_a_status_filter_keeps_exactly_that_status(sagemaker):
    names = {f"{'even' if n % 2 == 0 else 'odd'}-{n}" for n in range(COUNT)}
    for _ in range(200):
        failed = sagemaker.list_processing_jobs(StatusEquals="Failed")["ProcessingJobSummaries"]
        if len(failed) == COUNT:
            break
    assert {item["ProcessingJobName"] for item in failed} == names
    assert sagemaker.list_processing_jobs(StatusEquals="Completed")["ProcessingJobSummaries"] == []


def test_a_token_that_was_never_given_is_refused(listed):
    with pytest.raises(ClientError, match=r"ValidationException.*NextToken"):
        listed(NextToken="bm90IGEgdG9rZW4=")
