"""InvokeEndpoint reaches the model server as sent and comes back as answered; errors are AWS's."""

from __future__ import annotations

from collections import Counter

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws


@pytest.fixture(scope="module")
def endpoint(hosting) -> str:
    return hosting.create(VERSION="1")


def failure(hosting, name, **request):
    with pytest.raises(ClientError) as raised:
        hosting.runtime.invoke_endpoint(EndpointName=name, **{"Body": b"x", **request})
    return raised.value.response


def test_body_and_headers_reach_the_model_as_sent(hosting, endpoint):
    seen = hosting.ask(
        endpoint, "1,2,,4\n", ContentType="text/csv; header=absent", Accept="application/json", InferenceId="id-1",
        CustomAttributes="trace=1",
    )  # fmt: skip
    assert seen["body"] == "1,2,,4\n"
    headers = seen["headers"]
    assert headers["content-type"] == "text/csv; header=absent"
    assert headers["accept"] == "application/json"
    assert headers["x-amzn-sagemaker-inference-id"] == "id-1"
    assert headers["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert not {"authorization", "host-override"} & set(headers)


def test_the_answer_comes_back_with_variant_type_and_custom_attributes(hosting, endpoint):
    answer = hosting.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"type text/csv; charset=utf-8")
    assert answer["ContentType"] == "text/csv; charset=utf-8"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "from=model"


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (418, "client"), (500, "server"), (302, "server")])
def test_what_the_model_refuses_is_a_model_error_with_its_status_and_words(hosting, endpoint, status, side):
    response = failure(hosting, endpoint, Body=f"status {status}")
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert f'Received {side} error ({status}) from primary with message "as told"' in response["Error"]["Message"]
    assert (response["OriginalStatusCode"], response["OriginalMessage"]) == (status, "as told")
    assert f":log-group:/aws/sagemaker/Endpoints/{endpoint}:log-stream:AllTraffic/i-" in response["LogStreamArn"]


def test_an_unknown_endpoint_is_a_validation_error_that_names_the_account(hosting):
    response = failure(hosting, "nobody")
    assert response["Error"]["Code"] == "ValidationError"
    assert response["Error"]["Message"] == "Endpoint nobody of account 123456789012 not found."


def test_an_unknown_variant_is_a_validation_error(hosting, endpoint):
    response = failure(hosting, endpoint, TargetVariant="Other")
    assert response["Error"]["Code"] == "ValidationError"
    assert "Other" in response["Error"]["Message"]


def test_six_mebibytes_pass_and_one_byte_more_does_not(hosting, endpoint):
    limit = 6 * 1024 * 1024
    assert len(hosting.ask(endpoint, "x" * limit)["body"]) == limit
    response = failure(hosting, endpoint, Body=b"x" * (limit + 1))
    assert response["Error"]["Code"] == "ValidationError"
    assert str(limit) in response["Error"]["Message"]


@pytest.mark.parametrize("member", ["TargetModel", "TargetContainerHostname", "InferenceComponentName"])
def test_routing_that_is_not_emulated_is_refused_by_name(hosting, endpoint, member):
    response = failure(hosting, endpoint, **{member: "other"})
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert member in response["Error"]["Message"]


def test_traffic_follows_the_weights_and_a_target_variant_overrides_them(hosting):
    name = hosting.create(
        hosting.config(
            {"VariantName": "most", "InitialVariantWeight": 3.0},
            {"VariantName": "some", "InitialVariantWeight": 1.0},
            {"VariantName": "none", "InitialVariantWeight": 0.0},
        )
    )
    counted = Counter(hosting.ask(name)["variant"] for _ in range(400))
    assert set(counted) == {"most", "some"}
    # Binomial with p = 1/4: 100 expected, standard deviation 8.7; five of them either way.
    assert 56 < counted["some"] < 144
    assert hosting.ask(name, TargetVariant="none")["variant"] == "none"

    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "most", "DesiredWeight": 0.0},
            {"VariantName": "some", "DesiredWeight": 0.0},
            {"VariantName": "none", "DesiredWeight": 2.0, "DesiredInstanceCount": 5},
        ],
    )
    found = hosting.settled(name)
    assert found["ProductionVariants"][2]["CurrentWeight"] == 2.0
    assert found["ProductionVariants"][2]["CurrentInstanceCount"] == 5
    assert {hosting.ask(name)["variant"] for _ in range(50)} == {"none"}


def test_a_change_of_weights_of_an_unknown_variant_is_refused(hosting, endpoint):
    with pytest.raises(ClientError, match="not present within endpoint configuration"):
        hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "Other", "DesiredWeight": 1.0}]
        )
