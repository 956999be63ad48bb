"""Every request body, held against botocore's model of SageMaker's API and against what it must say."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from endpointwatch.actions import deployment, evaluation_job, model_package, training_job, tuning_job
from endpointwatch.actions.artifacts import Artifacts, Dataset, initial_dataset
from endpointwatch.actions.comparison import Comparison
from endpointwatch.config.training import MetricDefinition
from endpointwatch.config.tuning import Tuning
from endpointwatch.config.window import Window
from endpointwatch.errors import ConfigError

DATASET = Dataset("s3://endpointwatch/artifacts/loan-approval/run-1/dataset")
MODEL = "s3://endpointwatch/artifacts/loan-approval/run-1/models/job/output/model.tar.gz"
WON = Comparison(
    metric="auc", rows=400, challenger=0.81, champion=0.7, gain=0.11, minimum_gain=0.0, promoted=True, reason="auc 0.81"
)


@pytest.fixture
def training_body(endpoint, training):
    artifacts = Artifacts.of(endpoint, "run-1")
    return training_job.request(endpoint, training, job_name="job", dataset=artifacts.dataset, artifacts=artifacts)


@pytest.fixture
def evaluation_body(endpoint, training):
    return evaluation_job.request(
        endpoint,
        training,
        job_name="job",
        dataset=DATASET,
        challenger_data_url=MODEL,
        champion_data_url="s3://b/old/model.tar.gz",
        output_uri="s3://endpointwatch/out",
    )


@pytest.fixture
def package(endpoint, training):
    def make(**changes):
        said = {
            "model_data_url": MODEL,
            "comparison": WON,
            "evaluation_uri": "s3://endpointwatch/out/evaluation.json",
            "baseline_dataset_uri": "s3://endpointwatch/out/baseline.csv",
            "training_job": "job",
            "decision": "s3://endpointwatch/results/loan-approval/decisions/2026/11/02/03/0123456789abcdef.json",
        }
        return model_package.request(endpoint, training, **{**said, **changes})

    return make


@pytest.fixture
def live_config():
    return {
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": "loan-approval-v1",
                "InstanceType": "ml.c5.xlarge",
                "InitialInstanceCount": 3,
                "InitialVariantWeight": 1.0,
                "ContainerStartupHealthCheckTimeoutInSeconds": 90,
            }
        ],
        "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1",
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "DataCaptureConfig": {
            "EnableCapture": False,
            "InitialSamplingPercentage": 1,
            "DestinationS3Uri": "s3://b/old",
            "KmsKeyId": "key",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
        "ShadowProductionVariants": [],
    }


def test_every_body_is_one_that_sagemaker_accepts(
    endpoint, training, training_body, evaluation_body, package, live_config, refusals
):
    config = deployment.endpoint_config_request(endpoint, model_name="loan-approval-v2", live=None)
    bodies = [
        ("CreateTrainingJob", training_body),
        ("CreateProcessingJob", evaluation_body),
        ("CreateModelPackageGroup", model_package.group_request(endpoint, training)),
        ("CreateModelPackage", package()),
        (
            "UpdateModelPackage",
            model_package.approval("arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1", WON),
        ),
        ("CreateModel", deployment.model_request(endpoint, model_name="m-v1", package_arn="arn:aws:sagemaker:::x/g/1")),
        ("CreateEndpointConfig", config),
        ("CreateEndpointConfig", deployment.endpoint_config_request(endpoint, model_name="m", live=live_config)),
        ("CreateEndpoint", deployment.create_request(endpoint, config_name="c")),
        ("UpdateEndpoint", deployment.update_request(endpoint, config_name="c")),
    ]
    assert {operation: refusals(operation, body) for operation, body in bodies if refusals(operation, body)} == {}


def test_the_validator_would_notice_a_wrong_body(training_body, refusals):
    assert "HyperParameter" in refusals("CreateTrainingJob", {**training_body, "HyperParameter": {}})
    assert "RoleArn" in refusals("CreateTrainingJob", {k: v for k, v in training_body.items() if k != "RoleArn"})


def test_training_gets_the_columns_meaning_besides_the_yamls_hyperparameters(training_body):
    assert training_body["HyperParameters"] == {
        "label": "approve", "features": "loanamt,hrat", "estimator": "logistic_regression",
    }  # fmt: skip
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in training_body["InputDataConfig"]}
    root = "s3://endpointwatch/artifacts/loan-approval/run-1/dataset"
    assert channels == {"train": f"{root}/train/", "validation": f"{root}/validation/"}


def test_a_training_job_that_breaks_down_through_no_fault_of_its_own_is_started_again_by_sagemaker(training_body):
    assert training_body["RetryStrategy"] == {"MaximumRetryAttempts": 2}


def test_more_features_than_a_hyperparameter_holds_are_left_to_the_datas_header(training):
    many = training.model_copy(update={"features": tuple(f"feature_{i:04}" for i in range(300))})
    assert "features" not in training_job.hyperparameters(many)
    assert training_job.hyperparameters(many)["label"] == "approve"


@pytest.mark.parametrize("metric", training_job.METRICS)
def test_the_metric_definitions_find_what_the_training_prints(metric, training):
    regex = next(d["Regex"] for d in training_job.metric_definitions(training) if d["Name"] == f"validation:{metric}")
    found = re.findall(regex, f"train:{metric}=0.5000;\nvalidation:{metric}=0.9123;\n")
    assert found == ["0.9123"]


def test_champion_and_challenger_are_judged_on_the_same_test_rows(evaluation_body):
    inputs = {
        i["S3Input"]["LocalPath"].removeprefix("/opt/ml/processing/input/"): i["S3Input"]["S3Uri"]
        for i in evaluation_body["ProcessingInputs"]
    }
    assert inputs == {
        "models/champion": "s3://b/old/model.tar.gz",
        "models/challenger": MODEL,
        "data": f"{DATASET.root}/test/",
        "baseline": f"{DATASET.root}/train/",
    }
    assert evaluation_body["Environment"] == {"label": "approve", "prediction": "prediction"}


def test_the_first_version_is_evaluated_alone(endpoint, training):
    body = evaluation_job.request(
        endpoint, training, job_name="job", dataset=initial_dataset(endpoint), challenger_data_url=MODEL,
        champion_data_url=None, output_uri="s3://o/x",
    )  # fmt: skip
    assert [i["InputName"] for i in body["ProcessingInputs"]] == ["challenger", "data", "baseline"]
    assert body["ProcessingInputs"][1]["S3Input"]["S3Uri"] == "s3://endpointwatch/loan-approval/initial/test/"


def test_a_package_says_where_it_came_from_and_is_not_approved_yet(package):
    body = package()
    assert body["ModelApprovalStatus"] == "PendingManualApproval"
    assert body["CustomerMetadataProperties"]["training_job"] == "job"
    assert body["CustomerMetadataProperties"]["baseline_dataset_uri"] == "s3://endpointwatch/out/baseline.csv"
    assert body["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == MODEL


def test_a_package_made_by_hand_names_no_decision(package):
    assert "decision" not in package(decision="")["CustomerMetadataProperties"]


def test_the_same_training_job_asks_for_the_same_package_and_another_for_another(package):
    assert package()["ClientToken"] == package(decision="")["ClientToken"]
    assert package()["ClientToken"] != package(training_job="other")["ClientToken"]


@pytest.mark.parametrize("uri", ["s3://b/" + "x" * 250, "s3://b/50%"])
def test_a_uri_that_metadata_cannot_hold_is_an_error_that_says_what_to_shorten(package, uri):
    with pytest.raises(ConfigError, match=r"Shorten `training\.artifacts_uri`"):
        package(baseline_dataset_uri=uri)


def test_the_approval_states_the_figures():
    assert "auc 0.81" in model_package.approval("arn", WON)["ApprovalDescription"]


def test_a_deployment_changes_the_model_and_the_capture_and_nothing_else(endpoint, live_config):
    body = deployment.endpoint_config_request(endpoint, model_name="loan-approval-v2", live=live_config)
    expected = {
        **{key: live_config[key] for key in ("KmsKeyId", "VpcConfig")},
        "ProductionVariants": [{**live_config["ProductionVariants"][0], "ModelName": "loan-approval-v2"}],
        "DataCaptureConfig": {**deployment.data_capture_config(endpoint.capture), "KmsKeyId": "key"},
    }
    assert {key: value for key, value in body.items() if key not in ("EndpointConfigName", "Tags")} == expected


def test_only_the_declared_variant_of_several_is_replaced(endpoint, live_config):
    other = {"VariantName": "Control", "ModelName": "control", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    live_config["ProductionVariants"].insert(0, other)
    body = deployment.endpoint_config_request(endpoint, model_name="loan-approval-v2", live=live_config)
    assert [variant["ModelName"] for variant in body["ProductionVariants"]] == ["control", "loan-approval-v2"]


def test_several_variants_of_other_names_are_an_error_that_names_them(endpoint, live_config):
    live_config["ProductionVariants"] = [
        {**live_config["ProductionVariants"][0], "VariantName": name} for name in ("Blue", "Green")
    ]
    with pytest.raises(ConfigError, match=r"Blue.*Green"):
        deployment.endpoint_config_request(endpoint, model_name="m", live=live_config)


def test_a_variant_whatever_its_name_is_replaced_when_it_is_the_only_one(endpoint, live_config):
    live_config["ProductionVariants"][0]["VariantName"] = "variant-1"
    body = deployment.endpoint_config_request(endpoint, model_name="loan-approval-v2", live=live_config)
    assert body["ProductionVariants"][0]["VariantName"] == "variant-1"


def test_a_configurations_name_is_its_content(endpoint, live_config):
    names = {
        deployment.endpoint_config_request(endpoint, model_name=model, live=live)["EndpointConfigName"]
        for model in ("v1", "v2")
        for live in (None, live_config)
        for _ in range(2)
    }
    assert len(names) == 4


def test_empty_header_lists_are_left_out_of_the_capture(declare, refusals):
    capture = {"destination_uri": "s3://bucket/c/", "csv_content_types": [], "json_content_types": []}
    declared = declare(capture=capture)
    body = deployment.endpoint_config_request(declared, model_name="m", live=None)
    assert "CaptureContentTypeHeader" not in body["DataCaptureConfig"]
    assert refusals("CreateEndpointConfig", body) == ""


def test_an_endpoint_without_training_has_no_artifacts(declare):
    watched_only = declare(training=None, decision={"action": "notify"})
    with pytest.raises(ConfigError, match="no `training` section"):
        Artifacts.of(watched_only, "run-1")


def test_a_search_is_the_training_with_ranges_in_place_of_fixed_values(endpoint, training, refusals):
    ranges = {
        "C": {"kind": "continuous", "minimum": 0.001, "maximum": 10, "scaling": "Logarithmic"},
        "depth": {"kind": "integer", "minimum": 2, "maximum": 8},
        "kind": {"kind": "categorical", "values": ["a", "b"]},
    }
    tuning = Tuning(ranges=ranges, maximum_jobs=5, seed=3)
    artifacts = Artifacts.of(endpoint, "run-1")
    about = {"job_name": "job", "dataset": artifacts.dataset, "artifacts": artifacts}
    body = tuning_job.request(endpoint, training, tuning, **about)
    assert refusals("CreateHyperParameterTuningJob", body) == ""
    config, definition = body["HyperParameterTuningJobConfig"], body["TrainingJobDefinition"]
    alone = training_job.request(endpoint, training, **about)
    assert definition["StaticHyperParameters"] == alone["HyperParameters"]
    assert {key: definition[key] for key in definition if key in alone} == {
        key: alone[key] for key in alone if key not in ("TrainingJobName", "HyperParameters")
    }
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Maximize", "MetricName": "validation:auc"}
    assert config["ParameterRanges"]["ContinuousParameterRanges"] == [
        {"Name": "C", "MinValue": "0.001", "MaxValue": "10.0", "ScalingType": "Logarithmic"}
    ]
    assert (config["ResourceLimits"]["MaxNumberOfTrainingJobs"], config["RandomSeed"]) == (5, 3)
    cost = training.model_copy(update={"metric": "log_loss"})
    told = tuning_job.request(endpoint, cost, tuning, **about)["HyperParameterTuningJobConfig"]
    assert told["HyperParameterTuningJobObjective"]["Type"] == "Minimize"


def test_a_grid_is_not_told_how_many_jobs_it_has(endpoint, training, refusals):
    tuning = Tuning(strategy="Grid", ranges={"kind": {"kind": "categorical", "values": ["a", "b"]}})
    artifacts = Artifacts.of(endpoint, "run-1")
    body = tuning_job.request(
        endpoint, training, tuning, job_name="job", dataset=artifacts.dataset, artifacts=artifacts
    )
    assert refusals("CreateHyperParameterTuningJob", body) == ""
    assert body["HyperParameterTuningJobConfig"]["ResourceLimits"] == {"MaxParallelTrainingJobs": 1}


def test_the_yamls_metric_definitions_take_the_place_of_the_usual_ones(training):
    own = training.model_copy(update={"metric_definitions": (MetricDefinition(name="loss", regex="loss=(.*);"),)})
    assert training_job.metric_definitions(own) == [{"Name": "loss", "Regex": "loss=(.*);"}]


def test_a_package_names_its_reports_its_origin_and_its_training_job(package, refusals):
    window = Window(start=datetime(2026, 11, 2, 3, tzinfo=UTC), end=datetime(2026, 11, 2, 4, tzinfo=UTC))
    names = ("comparison.json", "statistics.json", "constraints.json", "bias.json")
    origin = model_package.Origin(
        training_job_arn="arn:aws:sagemaker:us-east-1:123456789012:training-job/job",
        manifest_uri="s3://b/dataset/manifest.json",
        windows=(window.shifted(1), window),
        dag_run="loans__retrain/manual run, by Ada",
        reports={name: f"s3://b/{name}" for name in names},
    )
    body = package(origin=origin)
    assert refusals("CreateModelPackage", body) == ""
    assert body["MetadataProperties"] == {"GeneratedBy": origin.training_job_arn}
    quality = body["DriftCheckBaselines"]["ModelQuality"]
    assert {leaf: told["S3Uri"] for leaf, told in quality.items()} == {
        "Statistics": "s3://b/statistics.json", "Constraints": "s3://b/constraints.json",
    }  # fmt: skip
    assert body["DriftCheckBaselines"]["Bias"]["PostTrainingConstraints"]["S3Uri"] == "s3://b/bias.json"
    assert body["ModelMetrics"]["Bias"]["Report"]["S3Uri"] == "s3://b/bias.json"
    told = body["CustomerMetadataProperties"]
    assert told["windows"] == "2 windows from 2026-11-02T03:00Z to 2026-11-02T05:00Z"
    assert told["dag_run"] == "loans__retrain/manual run_ by Ada"
    assert told["dataset_manifest_uri"] == "s3://b/dataset/manifest.json"


def test_a_package_without_reports_claims_no_baselines(package):
    assert "DriftCheckBaselines" not in package()
    assert "MetadataProperties" not in package()
