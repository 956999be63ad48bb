"""A tuning job really trains with every set of values, and names the training job that came out best."""

from __future__ import annotations

import itertools

import pytest
from botocore.exceptions import ClientError

from pocketaws.faults import Fault
from pocketaws.jobs import search

# The best of whatever is searched is the value nearest to 0.3.
TRAIN = """
import json, pathlib, sys
parameters = json.loads(pathlib.Path('/opt/ml/input/config/hyperparameters.json').read_text())
if parameters['kind'] == 'broken':
    sys.exit('no such kind')
pathlib.Path('/opt/ml/model/c').write_text(parameters['c'])
print(f"validation:score={1 - abs(float(parameters['c']) - 0.3):.6f};", flush=True)
"""
ENDED = {"Completed", "Failed", "Stopped"}


def config(strategy="Random", *, jobs=3, parallel=2, **ranges):
    limits = {"MaxParallelTrainingJobs": parallel} | ({"MaxNumberOfTrainingJobs": jobs} if jobs else {})
    return {
        "Strategy": strategy,
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:score"},
        "ResourceLimits": limits,
        "ParameterRanges": ranges or {"ContinuousParameterRanges": [{"Name": "c", "MinValue": "0", "MaxValue": "1"}]},
        "RandomSeed": 7,
    }


@pytest.fixture
def tune(pocketaws, jobs, bucket):
    return tuning_by(pocketaws, jobs, bucket)


def tuning_by(pocketaws, jobs, bucket):
    def start(name, about, *, program=TRAIN, more=None, **parameters):
        definition = {
            **(more or {}),
            "RoleArn": pocketaws.role,
            "AlgorithmSpecification": {
                # A tuning job's definition knows no ContainerArguments: its containers are told by their environment.
                "TrainingImage": pocketaws.python_image.replace("test-python", "test-program"),
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "validation:score", "Regex": "validation:score=([0-9.]+);"}],
            },
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "Environment": {"PROGRAM": program},
            "StaticHyperParameters": {"kind": "plain", **parameters},
        }
        jobs.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name, HyperParameterTuningJobConfig=about, TrainingJobDefinition=definition
        )
        return name

    return start


def test_the_same_seed_draws_the_same_values_inside_the_ranges():
    about = config(
        ContinuousParameterRanges=[
            {"Name": "c", "MinValue": "0.001", "MaxValue": "10", "ScalingType": "Logarithmic"},
            {"Name": "r", "MinValue": "0.5", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
        ],
        IntegerParameterRanges=[{"Name": "n", "MinValue": "2", "MaxValue": "9"}],
        CategoricalParameterRanges=[{"Name": "k", "Values": ["a", "b"]}],
    )
    drawn = list(itertools.islice(search.points(about), 200))
    assert drawn == list(itertools.islice(search.points(about), 200))
    assert drawn != list(itertools.islice(search.points({**about, "RandomSeed": 8}), 200))
    assert all(0.001 <= float(one["c"]) <= 10 and 0.5 <= float(one["r"]) <= 0.999 for one in drawn)
    assert {one["n"] for one in drawn} == {str(number) for number in range(2, 10)}
    assert {one["k"] for one in drawn} == {"a", "b"}
    # Half of a logarithmic range's draws lie below its geometric mean.
    assert 70 < sum(float(one["c"]) < 0.1 for one in drawn) < 130


def test_a_grid_is_every_combination_once():
    about = config("Grid", jobs=None, CategoricalParameterRanges=[
        {"Name": "k", "Values": ["a", "b"]}, {"Name": "c", "Values": ["1", "2", "3"]},
    ])  # fmt: skip
    assert search.size(about) == 6
    assert len({tuple(one.items()) for one in search.points(about)}) == 6


@pytest.mark.parametrize(
    ("about", "text"),
    [
        (config("Grid", jobs=None), "categorical parameters only"),
        (config("Random", jobs=None), "MaxNumberOfTrainingJobs is required"),
        (config(ContinuousParameterRanges=[{"Name": "c", "MinValue": "2", "MaxValue": "1"}]), "above its end"),
        (config(IntegerParameterRanges=[]), "names no hyperparameter"),
    ],
)
def test_what_sagemaker_refuses_is_refused(about, text):
    with pytest.raises(Fault, match=text):
        search.size(about)


@pytest.mark.pocketaws
def test_the_best_of_all_training_jobs_is_named_and_its_model_is_there(jobs, tune, objects, bucket, unique):
    name = tune(unique[:30], config("Grid", jobs=None, CategoricalParameterRanges=[
        {"Name": "c", "Values": ["0.9", "0.4", "0.1"]},
    ]))  # fmt: skip
    told = jobs.until(
        lambda: jobs.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        lambda job: job["HyperParameterTuningJobStatus"] in ENDED,
    )
    assert told["HyperParameterTuningJobStatus"] == "Completed", told
    best = told["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"c": "0.4"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == pytest.approx(0.9)
    assert told["TrainingJobStatusCounters"]["Completed"] == told["ObjectiveStatusCounters"]["Succeeded"] == 3
    assert told["ConsumedResources"]["RuntimeInSeconds"] >= 3
    of_job = jobs.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, SortBy="FinalObjectiveMetricValue", SortOrder="Descending"
    )["TrainingJobSummaries"]
    assert [one["TunedHyperParameters"]["c"] for one in of_job] == ["0.4", "0.1", "0.9"]
    described = jobs.training(best["TrainingJobName"])
    assert described["TuningJobArn"] == told["HyperParameterTuningJobArn"]
    assert described["HyperParameters"]["c"] == "0.4"
    assert f"models/{best['TrainingJobName']}/output/model.tar.gz" in objects(bucket)
    listed = jobs.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name)["HyperParameterTuningJobSummaries"]
    assert [one["HyperParameterTuningJobStatus"] for one in listed] == ["Completed"]


@pytest.mark.pocketaws
def test_a_search_whose_training_jobs_all_fail_fails_and_says_so(jobs, tune, unique):
    name = tune(unique[:30], config(jobs=2), kind="broken")
    told = jobs.until(
        lambda: jobs.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        lambda job: job["HyperParameterTuningJobStatus"] in ENDED,
    )
    assert told["HyperParameterTuningJobStatus"] == "Failed"
    assert "All training jobs failed" in told["FailureReason"]
    assert "BestTrainingJob" not in told


@pytest.mark.pocketaws
def test_a_search_that_is_stopped_stops_its_training_jobs(jobs, tune, unique):
    name = tune(unique[:30], config(jobs=5, parallel=1), program="import time; time.sleep(60)")
    client = jobs.sagemaker
    children = {"HyperParameterTuningJobName": name}
    jobs.until(
        lambda: client.list_training_jobs_for_hyper_parameter_tuning_job(**children)["TrainingJobSummaries"], bool
    )
    client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    told = jobs.until(
        lambda: client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        lambda job: job["HyperParameterTuningJobStatus"] in ENDED,
    )
    assert told["HyperParameterTuningJobStatus"] == "Stopped"
    assert told["TrainingJobStatusCounters"]["Stopped"] == 1
    with pytest.raises(ClientError, match="status Stopped"):
        client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_a_search_goes_on_after_kill_9_with_the_jobs_it_has(start_pocketaws, jobs_of, unique):
    aws = start_pocketaws()
    jobs = jobs_of(aws)
    aws.client("s3").create_bucket(Bucket=unique)
    aws.client("s3").put_object(Bucket=unique, Key="first", Body=b"")
    slow = "import time; time.sleep(1.5)\n" + TRAIN
    retried = {"RetryStrategy": {"MaximumRetryAttempts": 1}}
    tuning_by(aws, jobs, unique)(unique, config(jobs=3, parallel=1), program=slow, more=retried)
    sagemaker = jobs.sagemaker

    def listed():
        named = {"HyperParameterTuningJobName": unique, "SortBy": "CreationTime", "SortOrder": "Ascending"}
        return sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(**named)["TrainingJobSummaries"]

    jobs.until(listed, lambda rows: len(rows) == 2 and rows[1]["TrainingJobStatus"] == "InProgress")
    before = listed()
    aws.restart()
    described = jobs.until(
        lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=unique),
        lambda job: job["HyperParameterTuningJobStatus"] in ENDED,
    )
    after = listed()
    assert described["HyperParameterTuningJobStatus"] == "Completed"
    assert [row["TrainingJobName"] for row in after[:2]] == [row["TrainingJobName"] for row in before]
    assert [row["TrainingJobStatus"] for row in after] == ["Completed"] * 3
    drawn = list(itertools.islice(search.points(config(jobs=3)), 3))
    assert [row["TunedHyperParameters"] for row in after] == drawn
